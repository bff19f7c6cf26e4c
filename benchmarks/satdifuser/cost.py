"""What maps from diffusion features cost: features a second, maps a second and their memory, cached training.

    python -m benchmarks.satdifuser.cost [--device cpu|cuda] [--write DOCS]

No imagery is needed: a made-up scene costs what a real one does, and heads with new weights what trained ones do.
Ratios are measured side by side in one run; the seconds hold for the machine at hand alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
import torch
from rasterio.transform import from_origin

from seamline.engine.run.device import pick_device
from seamline.models.folder import write_folder
from seamline.models.registry import info
from seamline.models.satdifuser.layout import Features
from seamline.training.satdifuser.batches import Batch
from seamline.training.satdifuser.model import Design, Eye, configure, make_card, make_network, open_eye, suited

from ..shared.pages import replace_part
from ..shared.processes import cost_of, seamline

PAGE, PART = "results/satdifuser.md", "cost"
SIDE, BANDS = 512, ("red", "green", "blue")
_NAMES, _COLOURS = ("no", "yes"), ((200, 200, 200), (200, 30, 30))
_READINGS = {
    "one time (default)": suited(Design(), "segment"),
    "one time, coarse scales (default of patches)": suited(Design(), "classify"),
    "three times along the inversion": suited(Design(times=(0.05, 0.15, 0.4)), "segment"),
    "one time, enlarged twice": suited(Design(zoom=2), "segment"),
}


def best_of(work: Callable[[], object], times: int = 3) -> float:
    """Shortest seconds of a few turns after one that does not count."""
    work()
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def features(device: str) -> Iterator[str]:
    """Rows of the backbone alone."""
    yield "| features | Mpx/s | features of an image /s | channels |"
    yield "|---|---|---|---|"
    image = torch.rand(1, len(BANDS), SIDE, SIDE, generator=torch.Generator().manual_seed(0)).to(device)
    for title, design in _READINGS.items():
        eye = open_eye(design, BANDS, device)
        took = best_of(lambda eye=eye: eye.backbone.features(image, _no_noise))
        channels = sum(scale.width for scale in eye.backbone.layout.scales) * len(eye.backbone.layout.times)
        yield f"| {title} | {SIDE**2 / took / 1e6:.2f} | {1 / took:.2f} | {channels} |"


def training(device: str) -> Iterator[str]:
    """How many times as long a step takes whose features are computed in it."""
    yield "| fuser | a step with cached features, s | uncached, times as long | parameters |"
    yield "|---|---|---|---|"
    image = torch.rand(4, len(BANDS), 128, 128, generator=torch.Generator().manual_seed(0)).to(device)
    for fuser in ("global", "local", "experts"):
        eye, network, _ = _model(replace(_READINGS["one time (default)"], fuser=fuser), device)
        network.train().to(memory_format=torch.channels_last)  # as a fit has it
        cached, labels = eye.backbone.features(image, _no_noise), torch.zeros(4, 128, 128, dtype=torch.int64)

        def step(
            given: Callable[[], Features], network: torch.nn.Module = network, labels: torch.Tensor = labels
        ) -> None:
            batch = Batch(given(), labels, (128, 128)).to(device)
            network(batch.features, batch.size).square().mean().backward()

        kept = best_of(lambda cached=cached, step=step: step(lambda: cached))
        anew = best_of(lambda eye=eye, step=step: step(lambda: eye.backbone.features(image, _no_noise)))
        parameters = sum(p.numel() for p in network.parameters())
        yield f"| {fuser} | {kept:.2f} | {anew / kept:.1f} | {parameters:,} |"


def maps(device: str, folder: Path) -> Iterator[str]:
    """Rows of whole runs."""
    yield "| run | scene, px | Mpx/s | peak memory, MB | by the plan at most, MB |"
    yield "|---|---|---|---|---|"
    for task, patch in (("segment", 1), ("classify", 64)):
        design = _READINGS["one time (default)" if patch == 1 else "one time, coarse scales (default of patches)"]
        model = _stored(design, patch, folder / task)
        for height in (1200, 2400):
            scene = _scene(folder / f"{height}.tif", height)
            out, planned = folder / f"{task}{height}.tif", _planned(task, scene, model, folder)
            command = seamline(task, scene, out, "--model", model, "--device", device)
            found = cost_of(command)
            speed = height * 1200 / found.wall_s / 1e6
            yield f"| {task} | {height} x 1200 | {speed:.2f} | {found.peak_bytes / 1e6:.0f} | {planned / 1e6:.0f} |"


def _planned(task: str, scene: Path, model: Path, folder: Path) -> float:
    from seamline.engine.request import Request
    from seamline.engine.run import plan_run
    from seamline.models.registry import resolve

    _, needs = plan_run(
        Request(inputs={"image": str(scene)}, out=str(folder / "planned.tif")), resolve(str(model), task)
    )
    return float(needs.memory_bytes)


def _model(design: Design, device: str, patch: int = 1) -> tuple[Eye, torch.nn.Module, object]:
    eye = open_eye(design, BANDS, device)
    config = configure(eye, design, classes=2, patch=patch, many=False, levels=(255.0,) * len(BANDS))
    return eye, make_network(eye, config, 0).to(device), config


def _stored(design: Design, patch: int, folder: Path) -> Path:
    _, network, config = _model(design, "cpu", patch)
    card = make_card(
        config,
        name="cost",
        version="1",
        names=_NAMES,
        colours=_COLOURS,
        licence="none",
        training_data="none",
        citation="none",
        quality=(),
    )
    write_folder(folder, card, network.state_dict())
    return folder


def _scene(path: Path, height: int) -> Path:
    values = np.random.default_rng(0).integers(1, 255, (len(BANDS), height, 1200), dtype=np.uint8)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=len(BANDS),
        height=height,
        width=1200,
        dtype="uint8",
        crs="EPSG:32633",
        transform=from_origin(500_000, 5_000_000, 1, 1),
    ) as file:
        file.write(values)
    return path


def _no_noise(stream: int, shape: tuple[int, int, int, int]) -> torch.Tensor:  # noqa: ARG001
    return torch.zeros(1, *shape)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="What maps from diffusion features cost.")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    device = pick_device(options.device)
    threads = f"{torch.get_num_threads()} threads of a processor" if device == "cpu" else torch.cuda.get_device_name()
    backbone = info(Design().backbone).spec
    lines = [f"{backbone.name}, version {backbone.version}, {len(BANDS)} bands, {threads}.", ""]
    with tempfile.TemporaryDirectory(prefix="seamline-") as folder:
        for part in (features(device), training(device), maps(device, Path(folder))):
            for line in part:
                print(line, flush=True)
                lines.append(line)
            lines.append("")
    if options.write:
        replace_part(options.write / PAGE, PART, lines)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
