"""Small files that claim much: what the program spends before it refuses them.

    python -m benchmarks.fuzz.claims [--folder FOLDER] [--write DOCS]

Each claim is given to a run in a process of its own, forked from one that has loaded what such a run needs; of its
memory, what is more than that of a run that only says its version is counted.  Linux only.  The exit status is 1 where
a claim costs more than its bounds, or is not refused.
"""

from __future__ import annotations

import argparse
import json
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from seamline.models.folder import CARD

from ..shared.forks import Ended, load, start
from ..shared.pages import published
from .seeds import write_seed

PAGE, PART = "faults.md", "claims"
MOST_S, MOST_BYTES = 2.0, 200 * 2**20
"""Processor seconds and bytes that a request may cost until it is refused."""

_SIDE = 2**31 - 1
_SCENE = ("superres", "a.tif", "o.tif", "--model", "identity")
_SMALL_TILES = (*_SCENE, "--tile", "64")
_SENSOR = (*_SCENE, "--sensor", "a.yaml", "--dry-run")
_CARD = ("models", "info", ".")
_PRODUCT = ("superres", "a.zip", "o.tif", "--model", "identity", "--bands", "B02")
_CHECKPOINT = ("models", "convert", "slimdiffsr", "a.pt", "converted")


@dataclass(frozen=True, slots=True)
class Claim:
    """A small file that claims much.

    Attributes:
        told: what it claims.
        seed: the honest file that it is made from.
        make: it, of the seed in a folder.
        command: that is given it there.
    """

    told: str
    seed: str
    make: Callable[[Path], object]
    command: tuple[str, ...]


def claims() -> tuple[Claim, ...]:
    """All that are tried."""
    return (
        Claim("a TIFF of 2^31 - 1 px a side", "striped", lambda place: _tiff(place, _SIDE, _SIDE), _SCENE),
        Claim("the same in tiles of 64 px", "striped", lambda place: _tiff(place, _SIDE, _SIDE), _SMALL_TILES),
        Claim("a TIFF of one column and 2^31 - 1 rows", "striped", lambda place: _tiff(place, 1, _SIDE), _SCENE),
        Claim("a TIFF of 65,535 bands", "striped", lambda place: _tiff(place, 4, 4, 65_535), _SCENE),
        Claim("a sensor file of aliases, eight deep", "striped", _laughs, _SENSOR),
        Claim("a sensor file nested a hundred thousand deep", "striped", _deep_sensor, _SENSOR),
        Claim("a card whose tile has 10^18 px", "card of a pan-sharpener", _card({"tile": 10**18}), _CARD),
        Claim("a card nested a hundred thousand deep", "card of a pan-sharpener", _deep_card, _CARD),
        Claim("a product whose metadata are 2 GB of zeros", "archive of a product", _bomb, _PRODUCT),
        Claim("a checkpoint whose tensor has 10^12 values", "old checkpoint", _numbers, _CHECKPOINT),
        Claim("a checkpoint with a name of 2 MB", "old checkpoint", _name, _CHECKPOINT),
    )


def _tiff(place: Path, width: int, height: int, bands: int = 1) -> None:
    """A TIFF of one strip, which is not there."""
    scale, tie, keys = struct.pack("<3d", 1, 1, 0), struct.pack("<6d", 0, 0, 0, 5e5, 5e6, 0), _geo_keys()
    bits = struct.pack("<H", 8) * bands
    count = 12
    first = 8 + 2 + 12 * count + 4
    at = [first, first + len(scale), first + len(scale) + len(tie), first + len(scale) + len(tie) + len(keys)]
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, bands, at[3] if bands > 2 else 8), (259, 3, 1, 1),
        (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, bands), (278, 4, 1, height), (279, 4, 1, 1),
        (33550, 12, 3, at[0]), (33922, 12, 6, at[1]), (34735, 3, len(keys) // 2, at[2]),
    ]  # fmt: skip
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = struct.pack("<2sHIH", b"II", 42, 8, count) + directory + struct.pack("<I", 0)
    (place / "a.tif").write_bytes(head + scale + tie + keys + bits)


def _geo_keys() -> bytes:
    return struct.pack("<16H", 1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)


def _laughs(place: Path) -> None:
    text = "&b0 [x,x,x,x,x,x,x,x,x]"
    for depth in range(1, 8):
        text = f"&b{depth} [{text}" + f",*b{depth - 1}" * 8 + "]"
    (place / "a.yaml").write_text(f"name: {text}\n")


def _deep_sensor(place: Path) -> None:
    (place / "a.yaml").write_text("name: " + "[" * 100_000 + "]" * 100_000 + "\n")


def _card(fields: Mapping[str, object]) -> Callable[[Path], object]:
    def make(place: Path) -> None:
        card = json.loads((place / CARD).read_text())
        (place / CARD).write_text(json.dumps({**card, **fields}))

    return make


def _deep_card(place: Path) -> None:
    (place / CARD).write_text('{"a":' * 100_000 + "1" + "}" * 100_000)


def _bomb(place: Path) -> None:
    (place / "a.zip").unlink()
    name = "S2A_MSIL2A_20230601T100031_N0509_R122_T33UUP_20230601T120000.SAFE/MTD_MSIL2A.xml"
    archive = zipfile.ZipFile(place / "a.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with archive, archive.open(name, "w", force_zip64=True) as file:
        for _ in range(2000):
            file.write(bytes(1 << 20))


def _numbers(place: Path) -> None:
    content = (place / "a.pt").read_bytes()
    # The number of values of the first storage: pickles write it with two bytes, or with eight.
    small, large = struct.pack("<cH", b"M", 288), b"\x8a\x08" + struct.pack("<q", 10**12)
    (place / "a.pt").write_bytes(content.replace(small, large, 1))


def _name(place: Path) -> None:
    content = (place / "a.pt").read_bytes()
    (place / "a.pt").write_bytes(content.replace(b"HalfStorage", b"{" * 2_000_000, 1))


def lines_of(folder: Path) -> Iterator[str]:
    """Try every claim, and give a line of a table for each, then one for each bound."""
    yield "| claim | bytes | what is said | CPU s | MB |"
    yield "|---|---|---|---|---|"
    least = _run(("--version",), folder).peak_bytes
    most_s, most_bytes, taken = 0.0, 0, []
    for number, claim in enumerate(claims()):
        place = folder / str(number)
        place.mkdir()
        write_seed(claim.seed, place)
        claim.make(place)
        claimed = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        ended = _run(claim.command, place)
        size = max(ended.peak_bytes - least, 0)
        most_s, most_bytes = max(most_s, ended.processor_s), max(most_bytes, size)
        if ended.code not in (1, 2):
            taken.append(claim.told)
        said = ended.last.replace("|", "/").replace(f"{place}/", "")[:160]
        yield f"| {claim.told} | {claimed} | {said} | {ended.processor_s:.2f} | {size / 2**20:.0f} |"
    yield ""
    yield f"- at most {most_s:.2f} s of processor, bound {MOST_S:.0f}: {'held' if most_s <= MOST_S else 'MISSED'}"
    yield (
        f"- at most {most_bytes / 2**20:.0f} MB, bound {MOST_BYTES / 2**20:.0f}: "
        f"{'held' if most_bytes <= MOST_BYTES else 'MISSED'}"
    )
    yield f"- not refused: {', '.join(taken) or 'none'}: {'MISSED' if taken else 'held'}"


def _run(command: Sequence[str], place: Path) -> Ended:
    ended = start(command, place, place.with_suffix(".log")).wait()
    assert ended is not None
    return ended


def main() -> int:
    """Try, print, write."""
    parser = argparse.ArgumentParser(description="What small files that claim much cost before they are refused.")
    parser.add_argument("--folder", type=Path, help="where files lie meanwhile")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    load()
    for name in ("models.slimdiffsr.checkpoint", "models.slimdiffsr.autoencoders"):
        import_module(f"seamline.{name}")
    with tempfile.TemporaryDirectory(prefix="seamline-", dir=options.folder) as name:
        lines = list(lines_of(Path(name).resolve()))
    return published(lines, options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
