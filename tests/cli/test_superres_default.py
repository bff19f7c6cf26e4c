"""``seamline superres`` by its default model: any band count, any size, any range, masks; and the weights that ship."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from click.testing import CliRunner
from rasterio.transform import from_origin

from seamline.api import DEFAULT_SUPERRES, SUPERRES_BY_SCALE
from seamline.cli.group import cli
from seamline.engine.contract import Runtime, Where
from seamline.models import registry
from seamline.models.folder import read_card
from seamline.training.data.sources import load_sources
from seamline.training.degradation.sensor import SensorTrue
from seamline.training.degradation.settings import SensorSettings
from seamline.training.settings import SourceSettings
from seamline.training.slimdiffsr.validate import image_scores


def write(path: Path, values: np.ndarray, **profile) -> Path:
    bands, height, width = values.shape
    more = {"driver": "GTiff", "crs": "EPSG:32633", "photometric": "MINISBLACK", **profile}
    grid = from_origin(500000, 5000000, 10, 10)
    with rasterio.open(
        path, "w", transform=grid, count=bands, height=height, width=width, dtype=values.dtype, **more
    ) as file:
        file.write(values)
    return path


def scene(bands: int, height: int, width: int, top: int = 3000, dtype: str = "uint16") -> np.ndarray:
    rng = np.random.default_rng(bands)
    smooth = rng.random((bands, height + 8, width + 8)).cumsum(1).cumsum(2)
    cut = smooth[:, 8:, 8:] - smooth[:, :-8, 8:] - smooth[:, 8:, :-8] + smooth[:, :-8, :-8]
    return (100 + (top - 100) * (cut - cut.min()) / max(np.ptp(cut), 1e-9)).astype(dtype)


def superres(*arguments: object) -> tuple[int, str]:
    found = CliRunner().invoke(cli, ["superres", *map(str, arguments)])
    return found.exit_code, found.output


@pytest.mark.parametrize(
    ("bands", "height", "width", "top", "dtype"),
    [(1, 20, 24, 3000, "uint16"), (3, 9, 40, 255, "uint8"), (4, 12, 12, 3000, "int16"), (13, 8, 10, 9000, "uint16")],
)
def test_any_bands_and_radiometry_come_out_four_times_as_fine(tmp_path, bands, height, width, top, dtype):
    values = scene(bands, height, width, top, dtype)
    code, said = superres(write(tmp_path / "in.tif", values), tmp_path / "out.tif", "--consistency", "area")
    assert code == 0, said
    with rasterio.open(tmp_path / "out.tif") as out:
        found = out.read()
        assert (out.count, out.height, out.width, out.dtypes[0]) == (bands, 4 * height, 4 * width, dtype)
        assert out.transform.a == 2.5
    # As asked for: area means are the input, but for rounding and what leaves the range of the type.
    means = found.reshape(bands, height, 4, width, 4).mean(axis=(2, 4))
    inner = (values > values.min() + 0.05 * top) & (values < 0.9 * np.iinfo(dtype).max)
    assert np.abs(means - values)[inner].mean() < 0.01 * top


@pytest.mark.parametrize("scale", list(SUPERRES_BY_SCALE))
def test_a_scale_alone_takes_the_model_that_ships_for_it(tmp_path, scale):
    values = scene(3, 10, 12)
    code, said = superres(
        write(tmp_path / "in.tif", values), tmp_path / "out.tif", "--scale", scale, "--consistency", "area"
    )
    assert code == 0, said
    with rasterio.open(tmp_path / "out.tif") as out:
        assert (out.height, out.width, out.transform.a) == (10 * scale, 12 * scale, 10 / scale)
        means = out.read().reshape(3, 10, scale, 12, scale).mean(axis=(2, 4))
    assert np.abs(means - values)[values > 300].mean() < 20
    report = json.loads((tmp_path / "out.report.json").read_text(encoding="utf-8"))
    assert report["model"].startswith(f"{SUPERRES_BY_SCALE[scale]}@")


def test_the_default_keeps_the_mean_of_every_band(data, tmp_path):
    (source,) = load_sources(data, [SourceSettings("naip")], "test", 0)
    values = next(image for image in source.images if (image > 0).all())[:3, :96, :96].astype(np.uint16) * 40
    code, said = superres(write(tmp_path / "in.tif", values), tmp_path / "out.tif")
    assert code == 0, said
    with rasterio.open(tmp_path / "out.tif") as out:
        means = out.read().mean(axis=(1, 2))
    np.testing.assert_allclose(means, values.mean(axis=(1, 2)), rtol=0.005)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (2, 3)])
def test_scenes_smaller_than_a_tile_are_handled(tmp_path, shape):
    code, said = superres(write(tmp_path / "in.tif", scene(3, *shape)), tmp_path / "out.tif")
    assert code == 0, said
    with rasterio.open(tmp_path / "out.tif") as out:
        assert out.shape == (4 * shape[0], 4 * shape[1])


def test_masked_borders_stay_masked_and_change_nothing(tmp_path):
    values = scene(4, 24, 24)
    values[:, :5], values[:, :, -3:] = 0, 0
    other = values.astype(np.float32)
    other[values == 0] = np.nan
    for name, image, profile in (("zero", values, {"nodata": 0}), ("nan", other, {"nodata": np.nan})):
        write(tmp_path / f"{name}.tif", image, **profile)
        code, said = superres(tmp_path / f"{name}.tif", tmp_path / f"{name}-out.tif", "--dtype", "float32")
        assert code == 0, said
    with rasterio.open(tmp_path / "zero-out.tif") as a, rasterio.open(tmp_path / "nan-out.tif") as b:
        masks = a.read_masks(), b.read_masks()
        images = a.read(), b.read()
    assert (masks[0] == masks[1]).all()
    assert (masks[0][:, :20] == 0).all()
    assert (masks[0][:, 20:, :84] == 255).all()
    np.testing.assert_array_equal(images[0][masks[0] > 0], images[1][masks[1] > 0])


def test_a_scale_that_the_model_does_not_have_is_refused_with_a_way_out(tmp_path):
    code, said = superres(write(tmp_path / "in.tif", scene(3, 8, 8)), tmp_path / "out.tif", "--scale", 3)
    assert code == 2
    assert "has scale 4, not 3" in said
    assert "--model bicubic" in said
    code, said = superres(tmp_path / "in.tif", tmp_path / "out.tif", "--scale", 2, "--model", DEFAULT_SUPERRES)
    assert code == 2
    assert f"--model {SUPERRES_BY_SCALE[2]}" in said
    assert not (tmp_path / "out.tif").exists()


def test_deviations_lie_beside_the_image(tmp_path):
    values = scene(3, 16, 16)
    paths = write(tmp_path / "in.tif", values), tmp_path / "out.tif"
    code, said = superres(*paths, "--uncertainty", tmp_path / "u.tif")
    assert code == 0, said
    with rasterio.open(tmp_path / "u.tif") as told:
        deviation = told.read()
    assert deviation.shape == (3, 64, 64)
    assert 0 < deviation.min() < deviation.max() < 3000


@pytest.mark.parametrize("name", list(SUPERRES_BY_SCALE.values()))
def test_what_ships_is_small_and_names_no_share_alike_source(name):
    card = read_card(Path(registry.info(name).origin)).card
    assert sum(file.bytes for file in card.files.values()) <= 8e6
    assert [each.name for each in card.outputs] == ["image", "uncertainty"]
    assert card.licence == "CC-BY-4.0"
    assert not any(word in card.training_data for word in ("Planet", "SpaceNet", "copr"))
    (row,) = card.quality
    assert row.values["PSNR"] > row.values["PSNR, upsampled"]
    assert row.values["coverage of one standard deviation"] == pytest.approx(0.683, abs=0.01)


def test_the_weights_bring_back_detail_on_ground_that_they_never_saw(data):
    """On every scene, and half a dB in the mean."""
    model = registry.resolve(DEFAULT_SUPERRES, "superres").load(Runtime())
    gains = []
    for dataset in ("naip", "aerial_neon"):
        found, plain, sharp = sharpened(data, dataset, model)
        mine, other = (image_scores([2.0 * image - 1.0], [2.0 * sharp - 1.0]) for image in (found, plain))
        assert mine["PSNR"] > other["PSNR"]
        assert mine["gradient error"] < other["gradient error"]
        assert mine["spectrum error"] < 0.8 * other["spectrum error"]
        gains.append(mine["PSNR"] - other["PSNR"])
    assert np.mean(gains) > 0.5


@pytest.mark.parametrize("dataset", ["naip", "aerial_neon"])
def test_no_texture_is_drawn_on_calm_ground(data, dataset):
    """A weave of fine dots counts as detail in every score; where the ground is calmest there is nothing to draw."""
    model = registry.resolve(DEFAULT_SUPERRES, "superres").load(Runtime())
    found, plain, sharp = (roughness(image) for image in sharpened(data, dataset, model))
    calm = sharp <= sharp.quantile(0.2)
    assert found[calm].mean() < 2.0 * plain[calm].mean()


def roughness(image: torch.Tensor) -> torch.Tensor:
    """RMS of what a mean over 3 x 3 px takes away, by squares of 8 px."""
    around = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(image, (1, 1, 1, 1), mode="reflect"), 3, 1)
    power = (image - around).square().mean(dim=1, keepdim=True)
    return torch.nn.functional.avg_pool2d(power, 8).flatten().sqrt()


def sharpened(data, dataset, model) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What the model and interpolation make of a degraded part of a test split, and that part, (1, 3, 128, 128)."""
    (source,) = load_sources(data, [SourceSettings(dataset)], "test", 0)
    side = 128
    image = next(image for image, valid in zip(source.images, source.valid, strict=True) if valid[:side, :side].all())
    sharp = torch.from_numpy(image[:3, :side, :side].astype(np.float32) / source.peaks[0][:3, None, None])[None]
    seen = SensorSettings(gain=(0.3, 0.3), spread=0.0, misregistration=(0.0, 0.0))
    coarse = SensorTrue(seen)(sharp, 4, torch.Generator().manual_seed(0))
    found = model.predict({"image": coarse}, Where(0, 0, ((0, 0),), {"image": (1.0, 1.0)}))
    plain = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bicubic", align_corners=False)
    return found, plain, sharp


@pytest.mark.parametrize("model", SUPERRES_BY_SCALE.values())
def test_a_constant_that_is_added_comes_out_added_and_what_is_flat_stays_flat(tmp_path, model):
    """Kelvins are levels far above their spread."""
    degrees = scene(1, 24, 28, dtype="float32") / 300
    found = {}
    for name, values in (("degrees", degrees), ("kelvin", degrees + 280), ("flat", np.full_like(degrees, 777))):
        path = write(tmp_path / f"{name}.tif", values)
        code, said = superres(path, tmp_path / f"{name}.out.tif", "--model", model)
        assert code == 0, said
        with rasterio.open(tmp_path / f"{name}.out.tif") as out:
            found[name] = out.read().astype(np.float64)
    assert np.abs(found["flat"] - 777).max() < 1
    apart = found["kelvin"] - 280 - found["degrees"]
    assert np.sqrt((apart**2).mean()) < 0.2 * degrees.std()
