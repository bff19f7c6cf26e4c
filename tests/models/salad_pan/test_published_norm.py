"""Group norms of the published SALAD-Pan by the moments of the scene: laws of the sums, tiles, engine, conversion."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import partial

import numpy as np
import pytest
import rasterio
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from rasterio.transform import from_origin
from safetensors.torch import save_file
from torch import nn

from seamline.engine.contract import InputSpec, MeasuringModel, Runtime, Where
from seamline.engine.errors import ModelError
from seamline.engine.optics.sensors import find_sensor
from seamline.engine.quality.sensitivity import tile_sensitivity
from seamline.engine.request import Request
from seamline.engine.run import plan_run, run
from seamline.models.folder import load_folder
from seamline.models.salad_pan.published.checkpoint import Sources, convert, is_base
from seamline.models.salad_pan.published.conditioning import Radiometry, prompts
from seamline.models.salad_pan.published.config import Config
from seamline.models.salad_pan.published.network import FusedUNet, SaladPan, unet_settings
from seamline.models.salad_pan.published.norms import Pooled, Sums, by_tile
from seamline.models.salad_pan.published.tile import SPEC, TEXT, SceneNormTile, load
from seamline.models.salad_pan.published.vae import band_vae
from seamline.tests.bounds import UNIT_DN, assert_same_but_rounding, assert_within_one_dn
from seamline.tests.models.salad_pan.made_up import TINY

ONE_LEVEL = replace(TINY, base=(16,), branch=(4,))
USE = Radiometry(maximum=1.0)


def network(config: Config = TINY) -> SaladPan:
    """Random weights, none of them zero, as after training."""
    torch.manual_seed(0)
    built = SaladPan(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in built.parameters():
            if not value.any():
                value.normal_(0.0, 0.3, generator=generator)
    return built.eval().requires_grad_(False)


def pointwise(net: SaladPan) -> SaladPan:
    """The same without attention, each convolution cut down to its centre: only norms and box means look around."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            centre = module.weight[:, :, 1, 1].clone()
            module.weight.zero_()
            module.weight[:, :, 1, 1] = 3 * centre
        if isinstance(module, Transformer2DModel | Attention):
            out = module.proj_out if isinstance(module, Transformer2DModel) else module.to_out[0]
            out.weight.zero_()
            out.bias.zero_()
    return net


def model(norm: str | None, use: Radiometry = USE, net: SaladPan | None = None, **runtime):
    net = net or network()
    generator = torch.Generator().manual_seed(9)
    card = {"network": asdict(net.config), "use": asdict(use)} | ({} if norm is None else {"norm": norm})
    state = net.state_dict() | {TEXT: torch.randn(5, TINY.text, generator=generator)}
    return load(card, state, Runtime(**({"steps": 2} | runtime)))


def scene(bands: int, height: int = 64, width: int = 64, tiles: int = 1) -> dict[str, torch.Tensor]:
    """Brighter and rougher to the right, so that parts of it differ."""
    generator = torch.Generator().manual_seed(1)
    slope = torch.linspace(0.1, 1.0, width)
    return {
        "pan": torch.rand(tiles, 1, height, width, generator=generator) * slope,
        "ms": torch.rand(tiles, bands, height, width, generator=generator) * slope,
    }


def where(*origins: tuple[int, int], statistics=()) -> Where:
    ratio = {"pan": (1.0, 1.0), "ms": (4.0, 4.0)}
    return Where(7, 0, origins or ((0, 0),), ratio, np.array(statistics, np.float64))


def everywhere(batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.ones_like(batch["pan"], dtype=torch.bool)


class TwoNorms(nn.Module):
    """Norms with other groups, on cells of other sizes; the second gets them in one row, as in attention."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.fine, self.coarse = nn.GroupNorm(2, 6), nn.GroupNorm(3, 6)
        for value in self.parameters():
            nn.init.normal_(value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        coarse = self.coarse(nn.functional.avg_pool2d(x, 4).flatten(2))
        return torch.cat((self.fine(x).flatten(1), coarse.flatten(1)), dim=1)


def test_sums_of_parts_normalise_like_the_whole_and_what_is_not_counted_does_not_matter():
    both = TwoNorms()
    x = torch.randn(3, 6, 16, 40, generator=torch.Generator().manual_seed(2)) + 5.0
    total = None
    for columns, counted in ((slice(0, 16), 16), (slice(16, 40), 16)):
        part, seen = x[..., columns].clone(), torch.zeros(1, 1, 16, columns.stop - columns.start, dtype=torch.bool)
        seen[..., :counted] = True
        part[..., counted:] = 1e4
        sums = Sums(seen)
        assert torch.equal(sums(both, (part,), 2), by_tile(both, (part,), 2))
        total = sums.total if total is None else total + sums.total
    counted = x[..., :32]
    assert total[0] == 16 * 32
    pooled = Pooled(total, 3)(both, (counted,), 2)
    assert_same_but_rounding(pooled, both(counted))
    # Two images of three bands, four rows at once.
    twice = Pooled(total, 3)(both, (torch.cat((counted, counted)),), 4)
    assert_same_but_rounding(twice, torch.cat((pooled, pooled)))


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_on_a_scene_of_one_tile_both_norms_are_the_same(guidance):
    batch = scene(3)
    by_scene = model("scene", guidance=guidance)
    statistics = by_scene.measure(batch, everywhere(batch), where())
    fused = by_scene.predict(batch, where(statistics=statistics))
    as_published = model("tile", guidance=guidance).predict(batch, where())
    assert_within_one_dn(fused, as_published)
    assert float(fused.std()) > 1e-3


def test_chunks_and_batches_do_not_change_the_pixels():
    batch, twice = scene(3), scene(3, tiles=2)
    results = []
    for chunk in (8, 2):
        by_scene = model("scene", replace(USE, chunk=chunk))
        statistics = by_scene.measure(batch, everywhere(batch), where())
        results.append((statistics, by_scene.predict(twice, where((0, 0), (64, 0), statistics=statistics))))
    assert_same_but_rounding(results[0][0], results[1][0])
    assert_within_one_dn(results[0][1], results[1][1])


def test_a_pixel_away_from_the_cut_does_not_know_the_tile_unless_norms_do():
    net = pointwise(network(ONE_LEVEL))
    whole = scene(1, 64, 320)
    part = {name: x[..., 128:] for name, x in whole.items()}
    statistics = model("scene", net=net, steps=1).measure(whole, everywhere(whole), where())
    differences = {}
    for norm in ("tile", "scene"):
        tile = model(norm, net=net, steps=1)
        known = where((0, 0), statistics=statistics), where((0, 128), statistics=statistics)
        pair = tile.predict(whole, known[0])[..., 256:], tile.predict(part, known[1])[..., 128:]
        differences[norm] = float((pair[0] - pair[1]).abs().max())
        assert float(pair[0].std()) > 1e-3
    assert differences["scene"] < UNIT_DN
    assert differences["tile"] > 10 * UNIT_DN


def test_the_default_is_as_published_and_measures_nothing():
    batch = scene(2)
    default, named = model(None), model("tile")
    assert not isinstance(default, MeasuringModel)
    assert isinstance(model("scene"), MeasuringModel)
    assert torch.equal(default.predict(batch, where()), named.predict(batch, where()))
    assert torch.equal(default.predict(batch, where()), named.predict(batch, where(statistics=(1.0, 2.0))))


def test_missing_statistics_and_norms_that_cannot_be_are_refused():
    batch = scene(2)
    by_scene = model("scene")
    statistics = by_scene.measure(batch, everywhere(batch), where())
    with pytest.raises(ModelError, match="no statistics of the scene"):
        by_scene.predict(batch, where())
    with pytest.raises(ModelError, match="fewer than the norms"):
        by_scene.predict(batch, where(statistics=statistics[:-1]))
    with pytest.raises(ModelError, match="norm is tile or scene, not 'band'"):
        model("band")


@dataclass(frozen=True)
class Source:
    """A model that is not in a folder."""

    norm: str
    use: Radiometry = field(default_factory=lambda: Radiometry(maximum=1000.0))
    identity: str = "tiny@1"

    @property
    def spec(self):
        span = "unit" if self.use.maximum is None else "native"
        inputs = (
            InputSpec(name="pan", bands=1, range=span),
            InputSpec(name="ms", bands=None, range=span, ratio=(2.0, 6.0)),
        )
        return replace(SPEC, inputs=inputs, tile=128, overlap=64, needs_statistics=True)

    def load(self, runtime: Runtime):
        return model(self.norm, self.use, pointwise(network(ONE_LEVEL)), steps=runtime.steps)


def test_the_engine_measures_the_scene_once_whatever_the_extent(data, tmp_path):
    pair = data / "pansharpen" / "spacenet6_wv2_3"
    inputs = {"ms": str(pair / "ms.tif"), "pan": str(pair / "pan.tif")}
    request = partial(Request, inputs=inputs, out=str(tmp_path / "out.tif"), steps=1, bands=(1,), threads=1)
    whole, _ = plan_run(request(), Source("scene"))
    part, _ = plan_run(request(window=(200, 240, 64, 64)), Source("scene"))
    assert whole.statistics == part.statistics
    # Part of this scene is nodata, and not counted.
    assert 0.5 * 600 * 600 < whole.statistics[0] < 0.7 * 600 * 600
    assert len(whole.statistics) > 100
    assert plan_run(request(), Source("tile"))[0].statistics == ()


@pytest.fixture
def inputs(write_raster) -> dict[str, str]:
    """A pair of 256 x 256 px of PAN and 2 bands, brighter and rougher to the right."""
    fine = (np.random.default_rng(4).uniform(100, 300, (2, 256, 256)) * np.linspace(0.5, 3.0, 256)).astype(np.uint16)
    coarse = fine.reshape(2, 64, 4, 64, 4).mean(axis=(2, 4)).astype(np.uint16)
    pan = write_raster("pan.tif", fine[:1], transform=from_origin(500000, 5000000, 1, 1))
    ms = write_raster("ms.tif", coarse, transform=from_origin(500000, 5000000, 4, 4))
    return {"ms": str(ms), "pan": str(pan)}


def test_a_run_of_one_tile_is_the_same_with_both_norms(inputs, tmp_path):
    outputs = []
    for norm in ("tile", "scene"):
        out = tmp_path / f"{norm}.tif"
        run(Request(inputs=inputs, out=str(out), steps=1, threads=1, tile=256), Source(norm))
        with rasterio.open(out) as file:
            outputs.append(file.read().astype(float))
    assert_within_one_dn(outputs[0], outputs[1], dn=1)
    assert outputs[0].std() > 10


def test_the_statistics_are_those_of_the_unit_range_where_the_model_is_given_it(inputs, write_raster, tmp_path):
    found = []
    for factor in (2.0**-13, 2.0**-15):
        scaled = {}
        for name, path in inputs.items():
            with rasterio.open(path) as file:
                values = file.read().astype(np.float32) * np.float32(factor)
                scaled[name] = str(write_raster(f"{name}{factor}.tif", values, transform=file.transform))
        request = Request(inputs=scaled, out=str(tmp_path / "out.tif"), steps=1, threads=1)
        found.append(plan_run(request, Source("scene", Radiometry()))[0].statistics)
    assert len(found[0]) > 100
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)


def test_tiles_matter_less_to_the_norms_of_the_scene(inputs, tmp_path):
    request = Request(inputs=inputs, out=str(tmp_path / "out.tif"), steps=1, threads=1)
    by_tile_norm, by_scene_norm = (tile_sensitivity(request, Source(norm)).untiled for norm in ("tile", "scene"))
    assert all(2 * scene < tile for tile, scene in zip(by_tile_norm, by_scene_norm, strict=True))


def test_a_conversion_chooses_the_norm(tmp_path):
    torch.manual_seed(0)
    config = replace(TINY, embedder=Config(1.0).embedder)
    UNet2DConditionModel(**unet_settings(config)).save_pretrained(tmp_path / "sd15" / "unet")
    band_vae(config).save_pretrained(tmp_path / "vae")
    state = FusedUNet(config).state_dict()
    torch.save({key: value for key, value in state.items() if not is_base(key)}, tmp_path / "adapters.pth")
    sensor = find_sensor("QB")
    save_file({s: torch.randn(5, config.text) for s in ("", *prompts(sensor))}, tmp_path / "text.safetensors")
    files = (tmp_path / name for name in ("sd15", "vae", "adapters.pth"))
    sources = Sources(*files, text=tmp_path / "text.safetensors", sensor=sensor)
    for norm, measures in (("tile", False), ("scene", True)):
        card = convert(replace(sources, norm=norm), tmp_path / norm).card
        assert card.architecture.config["norm"] == norm
        assert card.needs_statistics is measures
    assert convert(sources, tmp_path / "default").card.architecture.config["norm"] == "tile"
    assert isinstance(load(card.architecture.config, load_folder(tmp_path / "scene")[1], Runtime()), SceneNormTile)
