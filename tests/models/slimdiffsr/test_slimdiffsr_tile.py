"""The student as a tile model: bands, pixel grid, range and colours, alone and through the engine."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import rasterio
import torch
from rio_cogeo.cogeo import cog_validate
from torch import nn
from torch.nn import functional as F

from seamline.engine.contract import MeasuringModel, Runtime, Where
from seamline.engine.errors import Cancelled, ModelError
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models.classical.interpolate import Bicubic
from seamline.models.folder import write_folder
from seamline.models.registry import resolve
from seamline.models.slimdiffsr.bands import groups, in_groups
from seamline.models.slimdiffsr.config import Config
from seamline.models.slimdiffsr.network import SlimDiffSR
from seamline.models.slimdiffsr.tile import MatchedTile, SlimTile, Use, card, load
from seamline.tests.bounds import assert_same_but_rounding, assert_within_one_dn

SMALL = Config(channels=(16, 32, 32), groups=8, queries=4, squeeze=8, codec_width=8, codec_blocks=(1, 1, 1, 1))
STATEMENTS = {"licence": "none", "training_data": "none", "citation": "none"}
HERE = Where(0, 0, ((0, 0),), {"image": (1.0, 1.0)})


class Echo(nn.Module):
    """In place of a student: gives back a multiple of what it sees, and keeps it."""

    def __init__(self, image: int = 3, gain: float = 1.0) -> None:
        super().__init__()
        self.config = replace(SMALL, image=image)
        self.gain = nn.Parameter(torch.tensor(gain), requires_grad=False)
        self.seen: list[torch.Tensor] = []

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.seen.append(image)
        return self.gain * image


def student(config: Config = SMALL) -> SlimDiffSR:
    torch.manual_seed(4)
    return SlimDiffSR(config).eval().requires_grad_(False)


def image(bands: int, height: int = 12, width: int = 16, tiles: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.rand(tiles, bands, height, width, generator=torch.Generator().manual_seed(seed))


def as_card(config: Config, use: Use) -> dict:
    return json.loads(json.dumps({"network": asdict(config), "use": asdict(use)}))


# Bands.


@pytest.mark.parametrize(
    ("bands", "rule", "expected"),
    [
        (3, "groups", [(0, 1, 2)]),
        (3, "single", [(0, 1, 2)]),
        (4, "groups", [(0, 1, 2), (3, 3, 3)]),
        (5, "groups", [(0, 1, 2), (3, 4, 4)]),
        (1, "groups", [(0, 0, 0)]),
        (2, "single", [(0, 0, 0), (1, 1, 1)]),
    ],
)
def test_bands_go_jointly_in_threes_or_alone(bands, rule, expected):
    assert list(groups(bands, 3, rule)) == expected


@pytest.mark.parametrize("rule", ["groups", "single"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4, 13])
def test_every_band_comes_back_in_its_place_as_the_mean_of_its_channels(bands, rule):
    x, tint = image(bands), torch.tensor([0.0, 1.0, 5.0])[:, None, None]
    out = in_groups(lambda planes: planes + tint, x, 3, rule)
    lists = list(groups(bands, 3, rule))
    added = [
        torch.tensor([tint[slot] for group in lists for slot, b in enumerate(group) if b == band]).mean()
        for band in range(bands)
    ]
    torch.testing.assert_close(out, x + torch.stack(added)[None, :, None, None])


# Grid and range.


def test_the_student_is_shown_a_bicubic_image_on_the_pixels_of_the_result():
    ramp = torch.linspace(0.2, 0.8, 16).expand(1, 3, 12, 16)
    echo = Echo()
    out = SlimTile(echo, Use(4, 64)).predict({"image": ramp}, HERE)
    assert out.shape == (1, 3, 48, 64)
    torch.testing.assert_close(echo.seen[0], 2.0 * out - 1.0)
    # This kernel bends a ramp within each pixel, but moves it nowhere: a twentieth of a pixel would be 2e-3.
    off = (out - Bicubic(4).predict({"image": ramp}, HERE))[..., 8:-8]
    assert 1e-4 < off.abs().max() < 2e-3
    torch.testing.assert_close(off.unflatten(3, (-1, 4)).mean(dim=4), torch.zeros(1, 3, 48, 12), atol=1e-5, rtol=0)


def test_what_lies_beyond_the_range_goes_round_the_student():
    x = 3.0 * image(3) - 1.0
    echo = Echo(gain=0.5)
    up = F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)
    out = SlimTile(echo, Use(2, 64)).predict({"image": x}, HERE)
    assert echo.seen[0].min() == -1.0
    assert echo.seen[0].max() == 1.0
    inside = (up > 0.0) & (up < 1.0)
    torch.testing.assert_close(out[inside], (up[inside] - 0.5) * 0.5 + 0.5)
    torch.testing.assert_close(out[up > 1.0], up[up > 1.0] - 0.25)


def test_tiles_of_a_batch_do_not_see_each_other():
    model = SlimTile(student(), Use(4, 64))
    both = image(4, tiles=2)
    pair = model.predict({"image": both}, HERE)
    assert_within_one_dn(pair[1:], model.predict({"image": both[1:]}, HERE))


def test_a_cancelled_run_stops_between_groups():
    def cancel() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        SlimTile(Echo(), Use(4, 64)).predict({"image": image(3)}, replace(HERE, checkpoint=cancel))


# Colours.


def test_colours_of_the_scene_are_those_of_the_input_whatever_the_student_does():
    model, x = MatchedTile(student(), Use(4, 64)), image(4, 64, 64)
    statistics = model.measure({"image": x}, torch.ones(1, 1, 64, 64, dtype=torch.bool), HERE)
    out = model.predict({"image": x}, replace(HERE, statistics=statistics))
    raw, up = SlimTile(student(), Use(4, 64)).predict({"image": x}, HERE), model.upsampled(x)
    for moment in (torch.mean, torch.std):
        assert (moment(raw, dim=(0, 2, 3)) - moment(up, dim=(0, 2, 3))).abs().min() > 1e-3
        assert_same_but_rounding(moment(out, dim=(0, 2, 3)), moment(up, dim=(0, 2, 3)))


def test_statistics_are_of_the_scene_and_not_of_a_tile():
    model, x = MatchedTile(Echo(gain=0.5), Use(2, 8)), image(3, 16, 24)
    statistics = model.measure({"image": x}, torch.ones(1, 1, 16, 24, dtype=torch.bool), HERE)
    assert statistics.reshape(5, 3)[0].tolist() == [4 * 16 * 24] * 3
    dark = 0.1 * x[..., :8, :8]
    out = model.predict({"image": dark}, replace(HERE, statistics=statistics))
    # What undoes the gain of the scene undoes it in a dark tile as well, instead of brightening that.
    torch.testing.assert_close(out, model.upsampled(dark), atol=0.02, rtol=0)
    assert {tuple(seen.shape[-2:]) for seen in model.network.seen[:-1]} == {(16, 16)}


def test_pixels_that_are_not_valid_are_not_measured():
    model, x = MatchedTile(Echo(gain=0.5), Use(2, 16)), image(3, 16, 16)
    valid = torch.zeros(1, 1, 16, 16, dtype=torch.bool)
    valid[..., 2:9, 3:12] = True
    counts = model.measure({"image": x}, valid, HERE).reshape(5, 3)
    assert counts[0].tolist() == [4 * 7 * 9] * 3
    up = model.upsampled(x)[..., 4:18, 6:24]
    np.testing.assert_allclose(counts[3], up.double().sum(dim=(0, 2, 3)), rtol=1e-4)
    halved = up - 0.5 * up.clamp(0, 1) + 0.25
    np.testing.assert_allclose(counts[1], halved.double().sum(dim=(0, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(counts[2], halved.double().square().sum(dim=(0, 2, 3)), rtol=1e-4)


def test_a_block_with_a_rim_is_measured_in_images_as_large_as_those_of_the_training():
    model, valid = MatchedTile(Echo(), Use(2, 8)), torch.zeros(1, 1, 19, 27, dtype=torch.bool)
    valid[..., 2:18, 3:27] = True
    model.measure({"image": image(3, 19, 27)}, valid, HERE)
    assert [tuple(seen.shape[-2:]) for seen in model.network.seen] == [(16, 16)] * 6


def test_a_constant_band_and_a_scene_without_statistics_stay_finite():
    model, flat = MatchedTile(Echo(gain=0.5), Use(2, 16)), torch.full((1, 3, 16, 16), 0.25)
    statistics = model.measure({"image": flat}, torch.ones(1, 1, 16, 16, dtype=torch.bool), HERE)
    torch.testing.assert_close(
        model.predict({"image": flat}, replace(HERE, statistics=statistics)), torch.full((1, 3, 32, 32), 0.25)
    )
    assert model.predict({"image": flat}, HERE).isfinite().all()


# Loading.


def test_loading_gives_the_student_that_was_stored():
    network = student()
    direct = SlimTile(network, Use(4, 64)).predict({"image": image(3)}, HERE)
    for colour in ("none", "scene"):
        loaded = load(as_card(SMALL, Use(4, 64, colour=colour)), network.state_dict(), Runtime())
        assert isinstance(loaded, MeasuringModel) is (colour == "scene")
        assert torch.equal(loaded.predict({"image": image(3)}, HERE), direct)


@pytest.mark.parametrize(
    ("network", "use", "message"),
    [
        ({"channels": [16, 32]}, {}, "3 levels"),
        ({"surprise": 1}, {}, "surprise"),
        ({}, {"scale": 1}, "from 2 to 16"),
        ({}, {"scale": 4.0}, "from 2 to 16"),
        ({}, {"tile": 0}, "tile is a positive"),
        ({}, {"bands": "all"}, "groups or single"),
        ({"squeeze": 4}, {}, "of another shape"),
        ({"compat": True}, {}, "missing"),
    ],
)
def test_configs_that_do_not_fit_are_refused(network, use, message):
    given = as_card(SMALL, Use(4, 64))
    with pytest.raises(ModelError, match=message):
        load({"network": given["network"] | network, "use": given["use"] | use}, student().state_dict(), Runtime())
    with pytest.raises(ModelError, match="use"):
        load({"network": given["network"]}, {}, Runtime())


@pytest.mark.parametrize(("scale", "align"), [(2, 8), (3, 16), (4, 4), (8, 2), (16, 1)])
def test_tiles_are_whole_cells_of_the_coarsest_level(scale, align):
    spec = card(Config(), Use(scale, 512 // scale), name="x", version="1", **STATEMENTS).spec
    assert (spec.align, spec.scale, spec.task, spec.needs_statistics) == (align, scale, "superres", True)
    assert spec.align * scale % Config().stride == 0
    assert 512 // scale <= spec.tile < 512 // scale + align


# Through the engine.


@pytest.fixture
def folder(tmp_path):
    """A function that writes a small model folder and gives its path."""

    def write(use: Use) -> str:
        about = card(SMALL, use, name="small", version="1", **STATEMENTS)
        write_folder(tmp_path / "small", about, student().state_dict())
        return str(tmp_path / "small")

    return write


def scene(bands: int, height: int, width: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((bands, height, width)).cumsum(axis=1).cumsum(axis=2)
    levels = 400.0 * np.arange(1, bands + 1)[:, None, None]
    return np.clip(1500 + levels + 40 * steps / np.abs(steps).mean() * 5, 1, 9000).astype(np.uint16)


@pytest.mark.parametrize(
    ("bands", "height", "width", "scale"),
    [(1, 37, 50, 4), (3, 64, 41, 4), (4, 33, 70, 8), (13, 21, 9, 2), (2, 1, 1, 4)],
)
def test_scenes_of_any_bands_and_size_give_a_valid_cog(folder, write_raster, tmp_path, bands, height, width, scale):
    values = scene(bands, height, width)
    source = resolve(folder(Use(scale, 32)), "superres", scale=scale)
    out = tmp_path / "out.tif"
    run(Request(inputs={"image": str(write_raster("in.tif", values))}, out=str(out), threads=1), source)
    valid, errors, _ = cog_validate(out)
    assert valid, errors
    with rasterio.open(tmp_path / "in.tif") as before, rasterio.open(out) as after:
        assert (after.count, after.shape, after.dtypes[0]) == (bands, (height * scale, width * scale), "uint16")
        assert after.transform.almost_equals(before.transform * before.transform.scale(1 / scale), 1e-9)
        result = after.read().astype(float)
    # Consistency holds the result to the input, whatever an untrained student paints.
    seen = result.reshape(bands, height, scale, width, scale).mean(axis=(2, 4))
    assert np.abs(seen.mean(axis=(1, 2)) / values.mean(axis=(1, 2)) - 1).max() < 0.05


@pytest.mark.parametrize("rule", ["groups", "single"])
def test_colours_of_a_run_are_those_of_its_input_in_stored_values(folder, write_raster, tmp_path, rule):
    values = scene(4, 64, 64)
    source = resolve(folder(Use(2, 64, bands=rule)), "superres")
    out = tmp_path / "out.tif"
    request = Request(
        inputs={"image": str(write_raster("in.tif", values))},
        out=str(out),
        threads=1,
        consistency="off",
        dtype="float32",
    )
    run(request, source)
    with rasterio.open(out) as file:
        result = file.read().astype(float)
    up = F.interpolate(torch.from_numpy(values.astype(np.float32))[None], scale_factor=2, mode="bicubic")[0].double()
    np.testing.assert_allclose(result.mean(axis=(1, 2)), up.mean(dim=(1, 2)), rtol=1e-3)
    np.testing.assert_allclose(result.std(axis=(1, 2)), up.std(dim=(1, 2)), rtol=1e-2)


def test_what_is_masked_changes_nothing(folder, write_raster, tmp_path):
    values = scene(4, 60, 52)
    values[:, :9, :20] = 0
    values[:, 30, 31] = 0
    source = resolve(folder(Use(4, 32)), "superres")
    written = []
    for name, under in (("a", 0), ("b", 7777)):
        stored = np.where(values == 0, under, values).astype(np.uint16)
        path = write_raster(f"{name}.tif", stored, mask=values[0] != 0)
        run(Request(inputs={"image": str(path)}, out=str(tmp_path / f"{name}-out.tif"), threads=1), source)
        with rasterio.open(tmp_path / f"{name}-out.tif") as file:
            written.append((file.read(), file.read_masks()))
    assert np.array_equal(written[0][0], written[1][0])
    assert (written[0][1] == 0).sum() >= 4 * 16 * 9 * 20
