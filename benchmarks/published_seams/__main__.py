"""The published SALAD-Pan architecture across tiles: group norms of the tile, as published, against the scene's.

    SEAMLINE_DATA=FOLDER python -m benchmarks.published_seams [--cases narrow,published] [--keep DIR] [--write FILE.md]

There are no trained weights here: the network is random, and what is measured is how its wiring takes to tiles.  At
published size this takes long: what was measured is kept in a folder, and not measured again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
import torch
from rasterio.windows import Window

from seamline.engine.contract import InputSpec, ModelSpec, Runtime, TileModel
from seamline.engine.ground.grids import whole_ratio
from seamline.engine.plan.plan import Plan
from seamline.engine.quality.sensitivity import rms_difference, shifted, untiled
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import plan_run, run_planned
from seamline.models.salad_pan.published.conditioning import ANY_BAND, Radiometry, images
from seamline.models.salad_pan.published.config import FACTOR, LATENT, Config
from seamline.models.salad_pan.published.network import SaladPan
from seamline.models.salad_pan.published.tile import RATIOS, SPEC, Norm, SaladPanTile, SceneNormTile

from ..pansharpening.scenes import real_pair
from ..shared.agreement import share_within

PAIR, RATIO, MAXIMUM = "spacenet6_wv2_1", 4, 2047.0
"""The real pair, PAN px per MS px in it, and the brightest value of its 11 bits, DN."""
NORMS: tuple[Norm, ...] = ("tile", "scene")
TOKENS = 77
SPREAD = 0.25
"""Standard deviation of the decoder's output, whose range is -1..1: four of them to either end."""


@dataclass(frozen=True)
class Case:
    """What is run.

    Attributes:
        config: widths of the network.
        side: of the window of the pair, its upper left, PAN px.
        bands: how many of the pair, from the first.
        steps: network evaluations.
        tile, overlap: PAN px.
    """

    config: Config
    side: int
    bands: int
    steps: int
    tile: int
    overlap: int


NARROW = Config(
    scaling_factor=0.18215,
    base=(32, 64, 128, 128),
    base_groups=8,
    text=96,
    branch=(8, 16, 32, 32),
    embedder=(4, 8, 16, 32),
    vae=(8, 16, 32, 32),
    vae_groups=8,
)
CASES = {
    "narrow": Case(NARROW, 448, 2, 4, SPEC.tile, SPEC.overlap),
    "published": Case(Config(scaling_factor=0.18215), 192, 1, 1, 128, 64),
}


@dataclass(frozen=True)
class Across:
    """One norm on one case.

    Attributes:
        norm: whose moments.
        score, low, high: seam score, and the band in which 95 % of the control grids lie.
        tiles: of the run as planned.
        shifted: RMS against the grid moved by half a tile, worst band, DN; None where there is no other grid.
        untiled: the same against one tile that holds the whole window.
        within_shifted, within_untiled: share of the values that lie within 1 DN of those runs.
        deviation: standard deviation of the output, DN.
        clipped: share of its values at either end of the range.
        measuring, running: CPU seconds per megapixel and band, of the statistics and of the tiles.
        statistics: how many numbers the plan holds.
    """

    norm: Norm
    score: float | None
    low: float
    high: float
    tiles: int
    shifted: float | None
    untiled: float
    within_shifted: float | None
    within_untiled: float
    deviation: float
    clipped: float
    measuring: float
    running: float
    statistics: int


@dataclass(frozen=True)
class RandomModel:
    """A network in memory as the engine's source of a model."""

    network: SaladPan
    norm: Norm
    steps: int

    @property
    def identity(self) -> str:
        """Tells the two norms apart."""
        return f"random@{self.norm}"

    @property
    def spec(self) -> ModelSpec:
        """That of the architecture, for stored values of one sensor."""
        inputs = (InputSpec(name="pan", bands=1), InputSpec(name="ms", ratio=RATIOS))
        return replace(SPEC, inputs=inputs, needs_statistics=self.norm == "scene")

    def load(self, runtime: Runtime) -> TileModel:  # noqa: ARG002
        """The network with the wanted norms; the prompt is drawn too."""
        kind = SceneNormTile if self.norm == "scene" else SaladPanTile
        text = torch.randn(TOKENS, self.network.config.text, generator=torch.Generator().manual_seed(1))
        return kind(self.network, Radiometry(maximum=MAXIMUM), {ANY_BAND: text}, self.steps, 1.0)


def random_network(config: Config, pan: torch.Tensor, ms: torch.Tensor) -> SaladPan:
    """Seeded random weights under which branches matter and the image stays in its range.

    What starts at zero, and would leave the frozen base alone, is drawn as layers of that width usually are.  Then two
    output layers are scaled on one image, (1, 1, H, W) each: predicted noise to unit variance, as that of a trained
    network has, and the decoder's output to a mean of 0 and a deviation of ``SPREAD``.
    """
    torch.manual_seed(0)
    network = SaladPan(config).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(2)
    for name, value in network.named_parameters():
        if name.endswith("weight") and not value.any():
            value.normal_(0.0, math.prod(value.shape[1:]) ** -0.5, generator=generator)
    text = torch.randn(1, TOKENS, config.text, generator=generator)
    noisy = torch.randn(1, LATENT, pan.shape[2] // FACTOR, pan.shape[3] // FACTOR, generator=generator)
    unet, decoder = network.unet, network.vae.decoder
    noise = unet(noisy, torch.tensor([999]), text, images(pan, ms, MAXIMUM), 1)
    for value in (unet.base_conv_out.weight, unet.base_conv_out.bias):
        value /= noise.std()
    image = network.vae.decode(noisy / config.scaling_factor).sample
    decoder.conv_out.weight *= SPREAD / image.std()
    decoder.conv_out.bias.copy_((decoder.conv_out.bias - image.mean()) * SPREAD / image.std())
    return network


def cut(source: Path, out: Path, side: int) -> torch.Tensor:
    """Write the upper left of a raster, px, and return its first band, (1, 1, side, side)."""
    with rasterio.open(source) as file:
        values = file.read(window=Window(0, 0, side, side))
        profile = file.profile | {"width": side, "height": side}
    # Not the tiling of the source, which may be larger than the window.
    for key in ("tiled", "blockxsize", "blockysize"):
        profile.pop(key, None)
    with rasterio.open(out, "w", **profile) as file:
        file.write(values)
    return torch.from_numpy(values[None, :1].astype(np.float32))


def measure(case: Case, norms: Sequence[Norm], root: Path) -> Iterator[Across]:
    """Run a case with some norms; ``root`` is the data folder."""
    ms_file, pan_file = real_pair(root, PAIR)
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        ms = cut(ms_file, folder / "ms.tif", case.side // RATIO)
        pan = cut(pan_file, folder / "pan.tif", case.side)[..., : case.tile, : case.tile]
        ms = torch.nn.functional.interpolate(ms, scale_factor=RATIO)[..., : case.tile, : case.tile]
        network = random_network(case.config, pan, ms)
        for norm in norms:
            (folder / norm).mkdir()
            yield across(RandomModel(network, norm, case.steps), case, folder)


def rows(name: str, norms: Sequence[Norm], root: Path, folder: Path) -> Iterator[Across]:
    """The rows of a case, those that lie in the folder and those that are measured now."""
    files = {norm: folder / f"{name}-{norm}.json" for norm in norms}
    missing = [norm for norm, file in files.items() if not file.exists()]
    for row in measure(CASES[name], missing, root) if missing else ():
        files[row.norm].write_text(json.dumps(asdict(row)))
    for file in files.values():
        yield Across(**json.loads(file.read_text()))


def across(source: RandomModel, case: Case, folder: Path) -> Across:
    """Run as planned, with the grid moved by half a tile, and without tiles: the runs of ``tile_sensitivity``."""
    request = Request(
        inputs={"ms": str(folder / "ms.tif"), "pan": str(folder / "pan.tif")},
        out=str(folder / source.norm / "out.tif"),
        tile=case.tile,
        overlap=case.overlap,
        steps=case.steps,
        bands=tuple(range(1, case.bands + 1)),
        threads=1,
    )
    megapixels = case.side**2 * case.bands / 1e6
    started = time.process_time()
    plan, _ = plan_run(request, source)
    measuring = (time.process_time() - started) / megapixels
    align = math.lcm(SPEC.align, *(whole_ratio(plan.base, scene.grid) for scene in plan.scenes))
    moved = replace(plan.tiles, rows=shifted(plan.tiles.rows, align), columns=shifted(plan.tiles.columns, align))

    def output(name: str, chosen: Plan) -> tuple[Path, Mapping[str, object]]:
        out = folder / source.norm / f"{name}.tif"
        return out, run_planned(chosen, source, out, policy=OpenPolicy()).facts["metrics"]

    started = time.process_time()
    tiled, metrics = output("tiled", plan)
    running = (time.process_time() - started) / megapixels
    other = None if moved == plan.tiles else output("shifted", replace(plan, tiles=moved))[0]
    whole, _ = output("untiled", replace(plan, tiles=untiled(plan.tiles, align)))
    with rasterio.open(tiled) as file:
        values = file.read().astype(np.float64)
    low, high = metrics["seam_control_band"] or (0.0, 0.0)
    return Across(
        norm=source.norm,
        score=metrics["seam_score"],
        low=low,
        high=high,
        tiles=plan.tiles.count,
        shifted=None if other is None else max(rms_difference(tiled, other)),
        untiled=max(rms_difference(tiled, whole)),
        within_shifted=None if other is None else share_within(tiled, other),
        within_untiled=share_within(tiled, whole),
        deviation=float(values.std()),
        clipped=float(((values <= 1) | (values >= MAXIMUM)).mean()),
        measuring=measuring,
        running=running,
        statistics=len(plan.statistics),
    )


def page(found: Mapping[str, Sequence[Across]]) -> Iterator[str]:
    """The page, line by line."""
    yield "# The published SALAD-Pan across tiles"
    yield ""
    yield "Made by one command, from the data folder that `SEAMLINE_DATA` names:"
    yield ""
    yield f"    python -m benchmarks.published_seams --cases {','.join(found)} --write docs/results/published-seams.md"
    yield ""
    yield from TEXT.splitlines()
    for name, rows in found.items():
        yield from ("", f"## {name.capitalize()} widths", "", *_case(CASES[name], rows))
    yield from ("", "## Size of the statistics", "", *_sizes())


TEXT = f"""\
Group norms and attention of this network see the whole tile, so that pixels depend on the tile grid.  A model folder
that was converted with `--norm scene` takes the moments of every group norm, of the UNet, its branches and the
decoder, from sample blocks of the whole scene, on which the network runs as published.  Attention still sees the
tile, and convolutions its rim.

- **The weights are random** and the images mean nothing: this measures wiring, not quality, and trained weights may
  take to tiles better or worse.  Couplings that start at zero are drawn too, or the branches would be silent.  Two
  output layers are scaled: predicted noise to unit variance, the image to a deviation of {SPREAD:g} in its range -1..1.
- PAN and MS are a window of {PAIR}.  Differences are in DN of 0..{MAXIMUM:.0f}, worst band, to be read against the
  standard deviation of the output.
- A seam score within the control band (in which 95 % of tile grids that are not there score) is invisible; one below
  it says that the boundaries are smoother than the image, as where tiles that disagree are averaged.  It sees steps at
  the boundaries, not that two tile grids differ.  Tiles are blended as by default.
- A window of up to 256 px is one sample block: there the scene's moments are those of the run without tiles, which
  flatters them.
- CPU seconds are of one thread and depend on the machine and on what else it does: compare the ratios.  Statistics
  cost the same for any extent, as the blocks are those of the scene: all of it where it is small, 64 blocks of 256 px
  at most.
"""


def _case(case: Case, rows: Sequence[Across]) -> Iterator[str]:
    shape = case.config
    yield f"- channels: base {shape.base}, branches {shape.branch}, decoder {shape.vae}"
    yield f"- {case.side} x {case.side} px, {case.bands} band(s), {case.steps} step(s)"
    yield f"- {rows[0].tiles} tiles of {case.tile} px that share {case.overlap} px or more"
    yield ""
    lines: dict[str, list[str]] = {
        "seam score (control band)": [f"{_or(r.score, '.3f')} ({r.low:.3f} to {r.high:.3f})" for r in rows],
        "RMS against the grid moved by half a tile, DN": [_or(r.shifted, ".2f") for r in rows],
        "RMS against no tiles, DN": [f"{r.untiled:.2f}" for r in rows],
        "within 1 DN of the moved grid": [_or(r.within_shifted, ".2%") for r in rows],
        "within 1 DN of no tiles": [f"{r.within_untiled:.2%}" for r in rows],
        "standard deviation of the output, DN": [f"{r.deviation:.1f}" for r in rows],
        "values at the ends of the range": [f"{r.clipped:.2%}" for r in rows],
        "CPU s per megapixel and band, tiles": [f"{r.running:.0f}" for r in rows],
        "CPU s per megapixel and band, planning and statistics": [f"{r.measuring:.0f}" for r in rows],
        "numbers in the plan": [str(r.statistics) for r in rows],
    }
    yield "| | " + " | ".join(f"norms of the {r.norm}" for r in rows) + " |"
    yield "|---" * (1 + len(rows)) + "|"
    for what, cells in lines.items():
        yield f"| {what} | " + " | ".join(cells) + " |"


def _or(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _sizes() -> Iterator[str]:
    """How many numbers the sums are at published size."""
    with torch.device("meta"):
        network = SaladPan(CASES["published"].config)
    unet, decoder = (
        sum(m.num_groups for m in part.modules() if isinstance(m, torch.nn.GroupNorm))
        for part in (network.unet, network.vae.decoder)
    )
    samples = np.random.default_rng(0).normal(scale=1e5, size=1000).tolist()
    length = len(json.dumps(samples)) / len(samples)
    yield f"At published size an evaluation of the UNet and its branches has {unet} groups, the decoder {decoder}; each"
    yield f"has two sums a band, kept in the plan as JSON of about {length:.0f} bytes a number.  Guidance doubles the"
    yield "evaluations of the UNet."
    yield ""
    yield "| steps | bands | numbers | MB |"
    yield "|---|---|---|---|"
    for steps, bands in ((1, 4), (4, 4), (20, 4), (20, 8)):
        numbers = 1 + 2 * bands * (steps * unet + decoder)
        yield f"| {steps} | {bands} | {numbers} | {length * numbers / 1e6:.1f} |"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="The published SALAD-Pan architecture across tiles.")
    parser.add_argument("--cases", default=",".join(CASES), metavar="A,B", help=f"of {', '.join(CASES)}")
    parser.add_argument("--norms", default=",".join(NORMS), metavar="A,B", help="to be measured, where not kept")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where measured rows lie; deleted rows are made anew")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="where the page goes")
    options = parser.parse_args()
    # As in the runs: statistics are measured before the engine sets this.
    torch.set_num_threads(1)
    root = Path(os.environ["SEAMLINE_DATA"])
    with tempfile.TemporaryDirectory(prefix="seamline-") as fresh:
        folder = options.keep or Path(fresh)
        found = {name: list(rows(name, options.norms.split(","), root, folder)) for name in options.cases.split(",")}
    text = "\n".join(page(found)) + "\n"
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
