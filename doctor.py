"""Is this installation able to work?  Each finding comes with its fix.

Only the standard library is imported at the top: the doctor must speak where a package is missing or broken.
"""

from __future__ import annotations

import importlib
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from . import __version__

_ROOT = Path(__file__).resolve().parent
_OLDEST, _NEWEST = (3, 11), (3, 13)
# Loaded one by one, because an error of the loader of a system's libraries appears only then.
_LOADED = ("numpy", "torch", "rasterio", "odc.geo", "xarray", "safetensors", "pydantic")
_SET_UP = "set the engine up again: in QGIS Settings > Options > Seamline, elsewhere pip install {pinned}{names}"
_TEMPORARY = "free some space, or name a folder that can be written in TMPDIR (on Windows in TEMP)"
_NOEXEC = "make the environment on another disk: from this one nothing may be started (it is mounted noexec)"
_REPORT = "please report it with these lines"
_RGB_NIR, _MS_PX, _RATIO = 4, 32, 4
_NUMBER = 300  # DN of the flat scene


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor.

    Attributes:
        what: was looked at.
        ok: whether it is well.
        detail: what was seen.
        fix: what to do if not; with ``ok``, how it could be better.
    """

    what: str
    ok: bool
    detail: str
    fix: str = ""


def examine() -> Iterator[Finding]:
    """Look at everything, the small run last; what cannot be looked at without a missing package is left out."""
    yield from _guarded("Python", _python)
    lacking = []
    for finding in _guarded("packages", _packages):
        lacking += [] if finding.ok else [finding]
        yield finding
    if lacking:
        return
    for what, look in (
        ("raster libraries", _raster_libraries),
        ("device", _device),
        ("models", _models),
        ("self-test", _self_test),
    ):
        yield from _guarded(what, look)


def line(finding: Finding) -> str:
    """For a terminal."""
    return f"{'ok  ' if finding.ok else 'BAD '} {finding.what}: {finding.detail}" + (
        f"; {finding.fix}" if finding.fix else ""
    )


def unmet() -> list[Finding]:
    """The findings for packages that are missing or too old; empty where all are there."""
    return [finding for finding in _versions() if not finding.ok]


def without_packages(arguments: Sequence[str]) -> int:
    """Stand in for the command line in a Python that lacks its packages; returns the exit code.

    ``doctor`` says all it can see, any other command one sentence, both as lines of JSON where ``--json`` asks for it.
    """
    as_json = "--json" in arguments
    if arguments[:1] == ["doctor"]:
        for finding in examine():
            print(json.dumps({"event": "finding", **asdict(finding)}) if as_json else line(finding))
        if as_json:
            print(json.dumps({"event": "done", "outputs": [], "report": None, "metrics": {}, "ok": False}))
        return 1
    found = unmet()
    what = "; ".join(f"{finding.what} {finding.detail}" for finding in found[:3])
    what = f"this Python lacks what the engine needs: {what}" + (f" and {len(found) - 3} more" * (len(found) > 3))
    fix = _set_up_again(*(finding.what for finding in found))
    if as_json:
        print(json.dumps({"event": "error", "what": what, "where": sys.executable, "fix": fix}))
    else:
        print(f"error: {sys.executable}: {what}; {fix}", file=sys.stderr)
    return 1


def _guarded(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Whatever goes wrong while looking is a finding too."""
    try:
        yield from look()
    except Exception as error:  # any: a broken package may raise anything
        yield Finding(what, False, f"{type(error).__name__}: {error}", _REPORT)


def _python() -> Iterator[Finding]:
    yield Finding("Seamline", True, f"{__version__} in {_ROOT}")
    supported = _OLDEST <= sys.version_info[:2] <= _NEWEST
    yield Finding(
        "Python",
        supported,
        f"{platform.python_version()} ({sys.executable})",
        "" if supported else "make the environment with Python 3.11, 3.12 or 3.13",
    )
    other = _other_seamline()
    if other:
        yield Finding(
            "installed seamline",
            False,
            f"is version {other}, while this is version {__version__}; its models are not used",
            f"install version {__version__}, or remove it: pip uninstall seamline",
        )


def _packages() -> Iterator[Finding]:
    """Versions, then whether they can be loaded."""
    lacking = False
    for finding in _versions():
        lacking = lacking or not finding.ok
        yield finding
    if lacking:
        return
    for name in _LOADED:
        try:
            importlib.import_module(name)
        except Exception as error:  # OSError of a DLL, ImportError, anything
            fix = _set_up_again("--force-reinstall", name.replace(".", "-"))
            if isinstance(error, OSError) and platform.system() == "Windows":
                fix = "install the Microsoft Visual C++ Redistributable (x64), then look again"
            if "failed to map segment" in str(error):
                fix = _NOEXEC
            yield Finding(name, False, f"cannot be loaded ({type(error).__name__}: {error})", fix)


def _versions() -> Iterator[Finding]:
    for name, least in _requirements():
        try:
            there = version(name)
        except PackageNotFoundError:
            yield Finding(name, False, "is missing", _set_up_again(name))
            continue
        if _numbers(there) >= _numbers(least):
            yield Finding(name, True, there)
        else:
            yield Finding(name, False, f"is {there}, needed is {least}", _set_up_again(name))


def _requirements() -> list[tuple[str, str]]:
    """Name and least version of each direct requirement: of the project file, else of the installed distribution."""
    project = _ROOT / "pyproject.toml"
    if project.is_file():
        import tomllib

        listed = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    else:
        listed = [text for text in requires("seamline") or [] if "extra ==" not in text]
    found = (re.match(r"([\w.-]+)(?:\[[\w,]+\])?\s*>=\s*([\d.]+)", text) for text in listed)
    return [(match[1], match[2]) for match in found if match]


def _numbers(text: str) -> tuple[int, ...]:
    """The release of a version, for comparison."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[^\d.]", text)[0]))


def _other_seamline() -> str:
    """Version of an installed seamline that differs from this code's; empty otherwise."""
    try:
        installed = version("seamline")
    except PackageNotFoundError:
        return ""
    return "" if installed == __version__ else installed


def _set_up_again(*names: str) -> str:
    constraints = _ROOT / "constraints.txt"
    pinned = f"-c {constraints} " if constraints.is_file() else ""
    return _SET_UP.format(pinned=pinned, names=" ".join(names))


def _raster_libraries() -> Iterator[Finding]:
    import rasterio
    from rasterio.crs import CRS

    yield Finding("GDAL", True, rasterio.__gdal_version__)
    try:
        CRS.from_epsg(32633).to_wkt()
        yield Finding("PROJ", True, "knows its coordinate systems")
    except Exception as error:  # CRSError, or what PROJ says of a data base of another version
        fix = "take PROJ_LIB and PROJ_DATA out of the environment: they name the files of another program"
        yield Finding("PROJ", False, f"cannot look up a coordinate system ({error})", fix)
    with rasterio.Env() as env:
        zstd = "GTiff" in env.drivers() and bool(rasterio.enums.Compression.zstd)
    yield Finding("ZSTD compression", zstd, "there" if zstd else "missing", "" if zstd else "use --compress deflate")


def _device() -> Iterator[Finding]:
    """What ``--device auto`` takes, after a small computation on it whose result must be the processor's."""
    import torch

    from .engine.run.device import pick_device

    device = pick_device("auto")
    card = _nvidia_card()
    if device == "cpu":
        detail = f"cpu with {torch.get_num_threads()} threads; torch {torch.__version__} sees no graphics card"
        if card:
            is_cpu_build = torch.version.cuda is None
            fix = (
                "to use it, set the engine up again with a PyTorch build for CUDA"
                if is_cpu_build
                else "to use it, update the driver, or set the engine up again with an older build of PyTorch"
            )
            yield Finding("device", True, f"{detail}, though {card} is there", fix)
        else:
            yield Finding("device", True, detail)
        return
    name = torch.cuda.get_device_name(device)
    try:
        seconds, deviation = _compare(torch, device)
    except RuntimeError as error:
        fix = "set the engine up again with a PyTorch build for this card, or choose the device cpu"
        yield Finding("device", False, f"{name}: {str(error).splitlines()[0]}", fix)
        return
    right = deviation < 1e-3
    yield Finding(
        "device",
        right,
        f"{device}, {name}: a small computation took {seconds * 1e3:.0f} ms"
        + ("" if right else f" and differs from the processor's by {deviation:.2g}"),
        "" if right else "choose the device cpu; update the driver",
    )


def _compare(torch: Any, device: str) -> tuple[float, float]:
    """Seconds, and the greatest difference, of a convolution on a device and on the processor."""
    generator = torch.Generator().manual_seed(0)
    image, kernel = (torch.randn(shape, generator=generator) / 9 for shape in ((1, 8, 64, 64), (8, 8, 3, 3)))
    expected = torch.nn.functional.conv2d(image, kernel)
    started = time.perf_counter()
    found = torch.nn.functional.conv2d(image.to(device), kernel.to(device)).cpu()
    return time.perf_counter() - started, float((found - expected).abs().max())


def _nvidia_card() -> str:
    """Name of the first card that NVIDIA's driver lists; empty without a driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        command = [program, "--query-gpu=name", "--format=csv,noheader"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.strip().splitlines()[0] if ran.returncode == 0 and ran.stdout.strip() else ""


def _models() -> Iterator[Finding]:
    from .engine.errors import SeamlineError
    from .models import registry
    from .models.folder import verify_folder

    learned = 0
    for name in registry.names():
        try:
            origin = registry.info(name).origin
            if origin == "built-in":
                continue
            verify_folder(origin)
            learned += 1
            yield Finding(f"model {name}", True, f"all files are as published ({origin})")
        except SeamlineError as error:
            fix = "remove it, then install it again: seamline models install SOURCE"
            yield Finding(f"model {name}", False, str(error), fix)
    if not learned:
        fix = (
            f"get seamline-{__version__}-py3-none-any.whl, then set the engine up again with its folder as offline"
            " folder, or run: seamline models install FILE"
        )
        yield Finding("models", False, "no learned model is installed; the classical methods work", fix)


def _self_test() -> Iterator[Finding]:
    """Pan-sharpen a flat scene with the default model, where it is there: it must stay flat, on the PAN grid."""
    from . import api
    from .engine.errors import InstrumentWarning, SeamlineError
    from .models import registry

    default = api.DEFAULT_PANSHARPEN
    model = default if default in registry.names() else "brovey"
    started = time.perf_counter()
    try:
        work = tempfile.TemporaryDirectory(prefix="seamline-doctor-")
    except OSError as error:
        yield Finding("self-test", False, f"no folder takes temporary files ({error.strerror or error})", _TEMPORARY)
        return
    with work as folder:
        ms, pan, out = (Path(folder) / name for name in ("ms.tif", "pan.tif", "out.tif"))
        _flat(ms, _RGB_NIR, _MS_PX, 2.0)
        _flat(pan, 1, _MS_PX * _RATIO, 2.0 / _RATIO)
        try:
            with warnings.catch_warnings():
                # How a flat scene was seen cannot be measured, which is no news here.
                warnings.simplefilter("ignore", InstrumentWarning)
                result = api.pansharpen(ms, pan, out=out, model=model)
        except SeamlineError as error:
            yield Finding("self-test", False, str(error), error.fix or _REPORT)
            return
        side = _MS_PX * _RATIO
        right = result.shape == (_RGB_NIR, side, side) and bool((abs(result - _NUMBER) <= 1).all())
    seconds = time.perf_counter() - started
    yield Finding(
        "self-test", right, f"pan-sharpened a flat scene with {model} in {seconds:.1f} s", "" if right else _REPORT
    )


def _flat(path: Path, bands: int, size: int, gsd: float) -> None:
    """A GeoTIFF of ``size`` by ``size`` px of ``gsd`` m, the same number everywhere."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=size,
        height=size,
        count=bands,
        dtype="uint16",
        crs="EPSG:32633",
        transform=from_origin(500000, 5000000, gsd, gsd),
    ) as data:
        data.write(np.full((bands, size, size), _NUMBER, np.uint16))
