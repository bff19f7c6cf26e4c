"""The small model in runs: any whole scale and band count, the same pixels for any tiles, and trust where it is due."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from seamline.engine.contract import Runtime, Where
from seamline.engine.errors import ModelError
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.engine.testing import assert_is_crop
from seamline.models import registry
from seamline.models.ds_dit.change import surprise
from seamline.models.ds_dit.pictures import SEEN, pictured
from seamline.models.ds_dit.small import DsDitSmall, SmallConfig
from seamline.models.ds_dit.tile import card, load
from seamline.models.folder import write_folder
from seamline.tests.bounds import assert_same_but_rounding, assert_within_one_dn

SHAPE = SmallConfig(vae_width=8, transformer=replace(SmallConfig().transformer, depth=2, width=64, heads=2))
SCALES = (4, 8, 10, 16)
SIDE = {4: 120, 8: 64, 10: 48, 16: 36}
"""Px of LR."""
WEST, NORTH = 500_000.0, 5_000_000.0


def made(seed=0):
    """A network whose gates are open a little, so that everything matters."""
    torch.manual_seed(seed)
    network = DsDitSmall(SHAPE).eval()
    for parameter in network.parameters():
        if parameter.ndim > 1 and not parameter.detach().any():
            torch.nn.init.normal_(parameter, std=0.03)
    return network


def model(folder, scale, name="ds-dit-test"):
    """A model folder with random weights."""
    target = folder / f"x{scale}"
    statements = {"licence": "CC0-1.0", "training_data": "none", "citation": "none"}
    write_folder(target, card(SHAPE, scale, name=name, version="1", **statements), made().state_dict())
    return str(target)


def write(path, values, px, nodata=None, west=WEST, north=NORTH):
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=len(values),
        height=values.shape[1],
        width=values.shape[2],
        dtype="uint16",
        crs="EPSG:32633",
        nodata=nodata,
        transform=from_origin(west, north, px, px),
    ) as file:
        file.write(values)
    return str(path)


def pair(folder, scale, bands=2, side=None):
    """Paths of LR of 10 m, and of a reference ``scale`` times as fine that shows the same ground in another light."""
    side = side or SIDE[scale]
    rng = np.random.default_rng(scale)
    fine = rng.normal(0, 1, (bands, side * scale, side * scale)).cumsum(axis=1).cumsum(axis=2)
    fine = 2000 + 600 * np.sin(fine / 12) + 60 * rng.normal(size=fine.shape)
    coarse = fine.reshape(bands, side, scale, side, scale).mean(axis=(2, 4))
    reference = np.clip(0.8 * fine + 150, 1, 60_000)
    return (
        write(folder / f"lr{scale}.tif", np.clip(coarse, 1, 60_000).astype(np.uint16), 10.0),
        write(folder / f"reference{scale}.tif", reference.astype(np.uint16), 10.0 / scale),
    )


def result(folder, lr, reference, source, name="out.tif", **options):
    out = folder / name
    inputs = {"image": lr} if reference is None else {"image": lr, "reference": reference}
    trust = str(folder / f"trust-{name}")
    run(Request(inputs=inputs, out=str(out), also={"trust": trust}, dtype="float32", **options), source)
    with rasterio.open(out) as image, rasterio.open(trust) as also:
        return torch.from_numpy(image.read()), torch.from_numpy(also.read())


@pytest.mark.parametrize("scale", SCALES)
def test_any_whole_scale_gives_the_same_pixels_for_any_tiles(scale, tmp_path):
    lr, reference = pair(tmp_path, scale)
    source = registry.resolve(model(tmp_path, scale), "superres")
    align = source.spec.align
    tile = -(-4 * source.spec.margin // align) * align
    whole, trust = result(tmp_path, lr, reference, source, "whole.tif", tile=10 * tile)
    tiled, tiled_trust = result(tmp_path, lr, reference, source, "tiled.tif", tile=tile, overlap=2 * source.spec.margin)
    assert whole.shape == (2, SIDE[scale] * scale, SIDE[scale] * scale)
    assert_within_one_dn(tiled, whole, dn=1.0)
    assert_same_but_rounding(tiled_trust, trust)
    assert float(trust.min()) >= 0.0
    assert float(trust.max()) <= 1.0


def test_an_extent_is_a_crop_of_the_whole(tmp_path):
    lr, reference = pair(tmp_path, 4)
    source = registry.resolve(model(tmp_path, 4), "superres")
    inputs = {"image": lr, "reference": reference}
    run(Request(inputs=inputs, out=str(tmp_path / "whole.tif"), tile=96), source)
    run(Request(inputs=inputs, out=str(tmp_path / "part.tif"), tile=96, window=(30, 20, 50, 40)), source)
    assert_is_crop(tmp_path / "part.tif", tmp_path / "whole.tif")


def test_without_a_reference_it_is_not_trusted_and_where_it_ends_nothing_jumps(tmp_path):
    lr, reference = pair(tmp_path, 4)
    source = registry.resolve(model(tmp_path, 4), "superres")
    none, nowhere = result(tmp_path, lr, None, source, "none.tif")
    assert not nowhere.any()
    with rasterio.open(reference) as file:
        values = file.read()
    half = values.copy()
    half[:, :, 240:] = 0
    cut = write(tmp_path / "cut.tif", half, 2.5, nodata=0)
    found, trust = result(tmp_path, lr, cut, source, "cut-out.tif")
    whole, _ = result(tmp_path, lr, reference, source, "all.tif")
    # Beyond what a cell sees of the other side, each half is as if the other were not there.
    reach = 4 * source.spec.margin
    assert_within_one_dn(found[:, :, 240 + reach :], none[:, :, 240 + reach :], dn=1.0)
    assert_within_one_dn(found[:, :, : 240 - reach], whole[:, :, : 240 - reach], dn=1.0)
    assert not trust[:, :, 240:].any()
    # From 0 to 1 it takes the 8 px of a token, and where the reference ends five cells of 4 px.
    assert float((trust[:, :, 1:] - trust[:, :, :-1]).abs().max()) <= 1 / 8 + 1 / 20


@pytest.mark.parametrize("bands", [1, 3, 5])
def test_any_number_of_bands_in_any_order(bands):
    network = made()
    generator = torch.Generator().manual_seed(0)
    low, reference = torch.rand(2, 1, bands, 64, 96, generator=generator)
    noise = torch.randn(1, 8, 16, 24, generator=generator).expand(bands, -1, -1, -1)
    there = torch.ones(1, 1, 64, 96)
    order = torch.randperm(bands, generator=generator)
    with torch.no_grad():
        found = network(pictured(low, reference, there, 4.0), noise, 1)[0].image
        turned = network(pictured(low[:, order], reference[:, order], there, 4.0), noise, 1)[0].image
    assert_same_but_rounding(turned, found[order])


def test_more_steps_and_guidance_give_other_pixels_and_ones_out_of_range_are_refused():
    network, generator = made(), torch.Generator().manual_seed(0)
    low, reference = torch.rand(2, 1, 2, 64, 64, generator=generator)
    seen = pictured(low, reference, torch.ones(1, 1, 64, 64), 4.0)
    noise = torch.randn(2, 8, 16, 16, generator=generator)
    with torch.no_grad():
        one, four, pushed = (
            network(seen, noise, steps, weight)[0].image for steps, weight in ((1, 1.0), (4, 1.0), (1, 1.5))
        )
    assert not torch.allclose(one, four)
    assert not torch.allclose(one, pushed)
    config = {"scale": 4, "network": SHAPE.values()}
    for runtime, option in ((Runtime(steps=0), "--steps"), (Runtime(guidance=0.5), "--guidance")):
        with pytest.raises(ModelError) as caught:
            load(config, network.state_dict(), runtime)
        assert caught.value.where == option


def test_a_folder_names_the_solver_of_its_steps_and_one_that_is_none_is_refused():
    network, where = made(), Where(0, 0, ((0, 0),), {"image": (1.0, 1.0)})
    generator = torch.Generator().manual_seed(0)
    batch = {
        "image": torch.rand(1, 2, 16, 16, generator=generator),
        "reference": torch.rand(1, 2, 64, 64, generator=generator),
        "reference_valid": torch.ones(1, 1, 64, 64),
    }

    def found(steps, **solver):
        config = {"scale": 4, "network": SHAPE.values(), **solver}
        return load(config, network.state_dict(), Runtime(steps=steps)).predict(batch, where)["image"]

    assert torch.equal(found(4), found(4, solver="euler"))
    assert not torch.allclose(found(4), found(4, solver="dpm"))
    # A single step goes straight to the data either way.
    assert_same_but_rounding(found(1, solver="dpm"), found(1))
    with pytest.raises(ModelError, match="solver is one of euler, dpm, not 'heun'"):
        found(1, solver="heun")


def test_an_object_that_lr_does_not_show_is_not_trusted_and_the_ground_around_it_is():
    generator = torch.Generator().manual_seed(0)
    ground = torch.nn.functional.interpolate(
        torch.rand(1, 3, 48, 48, generator=generator), scale_factor=4.0, mode="bicubic"
    )
    reference = 0.1 + 0.7 * ground
    reference[..., 80:104, 80:104] = 0.1 + 0.7 * ground[..., 20:44, 20:44]
    low = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(ground, 4), scale_factor=4.0, mode="bicubic")
    found = surprise(low, reference, torch.ones(1, 1, 192, 192), 4.0, SEEN)[0, 0]
    inside = found[20:26, 20:26]
    around = found.clone()
    around[18:28, 18:28] = torch.nan
    assert float(inside.median()) > 4.0
    assert float(around.nanmedian()) < 1.0
    # Of ground in another light alone nothing is told.
    light = surprise(low, 0.1 + 0.7 * ground, torch.ones(1, 1, 192, 192), 4.0, SEEN)
    assert float(light[0, 0, 20:26, 20:26].median()) < 1.0


def test_before_training_the_result_is_interpolation():
    network = DsDitSmall(SHAPE).eval()
    low, reference = torch.rand(2, 1, 2, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = network(pictured(low, reference, torch.ones(1, 1, 64, 64), 4.0), torch.zeros(2, 8, 16, 16), 1)[0]
    assert_same_but_rounding(found.image.reshape(low.shape), low)
