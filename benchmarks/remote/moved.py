"""How many bytes of a scene on a server move for a part of it, and for what is measured all over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.transform import from_origin

from seamline.engine.request import Request
from seamline.engine.run import plan_run, run
from seamline.models import registry

from ..shared.serving import Server, running

_MOST = 0.03
"""Of a scene, for a hundredth of it, in blocks of 256 px."""


def write_cog(path: Path, side: int, block: int, pixel: float = 10.0, bands: int = 1) -> Path:
    """A COG of noise, which no compression makes smaller, without overviews."""
    plain = path.with_name("plain.tif")
    profile = {"driver": "GTiff", "width": side, "height": side, "count": bands, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(plain, "w", transform=from_origin(500000, 5000000, pixel, pixel), **profile) as file:
        file.write(np.random.default_rng(0).integers(1, 255, (bands, side, side), np.uint8))
    rasterio.shutil.copy(plain, path, driver="COG", BLOCKSIZE=str(block), COMPRESS="NONE", OVERVIEWS="NONE")
    plain.unlink()
    return path


def lines_of_moved(folder: Path, side: int) -> Iterator[str]:
    """The measured part of the page."""
    yield f"A scene of {side} x {side} px."
    yield ""
    yield "| what is done | blocks, px | requests | bytes moved, % of the file |"
    yield "|---|---|---|---|"
    part, shares = side // 10, {}
    with running() as server:
        for block in (256, 512):
            pan = server.put("/pan.tif", write_cog(folder / "pan.tif", side, block).read_bytes())
            for model in ("identity", "bicubic"):
                request = _asked({"image": pan}, folder, server, window=(side // 3, side // 3, part, part))
                source = registry.resolve(model, "superres")
                shares[model, block], line = _counted(server, lambda r=request, s=source: run(r, s))
                yield f"| `{model}` of a hundredth | {block} | {line}"
        ms = server.put("/ms.tif", write_cog(folder / "ms.tif", side // 4, 256, 40.0, 4).read_bytes())
        for model, task, inputs in (
            ("slimdiffsr-tiny-x4", "superres", {"image": pan}),
            ("gsa", "pansharpen", {"ms": ms, "pan": pan}),
        ):
            request = _asked(inputs, folder, server, window=(side // 3, side // 3, part, part))
            source = registry.resolve(model, task)
            _, line = _counted(server, lambda r=request, s=source: plan_run(r, s))
            yield f"| the plan of `{model}`, of any extent | 512 | {line}"
    worst = max(share for (_, block), share in shares.items() if block == 256)
    yield ""
    verdict = "held" if worst <= _MOST else "MISSED"
    yield f"- a hundredth moves {_MOST:.0%} at most, in blocks of 256 px: {worst:.2%}: {verdict}"


def _asked(inputs: dict[str, str], folder: Path, server: Server, **options: object) -> Request:
    out = folder / "out.tif"
    return Request(inputs=inputs, out=str(out), policy=server.policy, overwrite=True, threads=1, **options)


def _counted(server: Server, call: Callable[[], object]) -> tuple[float, str]:
    """The share of the scene that moves during a call, and the rest of the row."""
    server.given = 0
    server.asked.clear()
    call()
    share = server.given / len(server.files["/pan.tif"])
    return share, f"{len(server.asked)} | {100 * share:.2f} |"
