"""The base model that ships: what its card says, what its autoencoder keeps, and that tiles do not show."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import torch
from rasterio.windows import Window

from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models import registry
from seamline.models.folder import load_folder
from seamline.models.terra_ldm.conditioning import Band, Conditioning
from seamline.models.terra_ldm.network import load_base
from seamline.models.terra_ldm.unet import MARGIN
from seamline.tests.bounds import assert_same_but_rounding, assert_within_one_dn

NAME, SIDE = "terra-ldm-tiny", 576
MOST_BYTES = 12e6


@pytest.fixture(scope="module")
def folder():
    return registry.info(NAME).origin


@pytest.fixture(scope="module")
def scene(data, tmp_path_factory):
    """A piece of aerial imagery at 5 m, rough in all bands."""
    out = tmp_path_factory.mktemp("terra") / "scene.tif"
    with rasterio.open(data / "naip/naip_m_4709963_se_20170827.tif") as file:
        window = Window(120, 40, SIDE, SIDE)
        profile = {"driver": "GTiff", "count": 1, "height": SIDE, "width": SIDE, "dtype": "uint8", "crs": file.crs}
        with rasterio.open(out, "w", transform=file.window_transform(window), **profile) as copy:
            copy.write(file.read([1], window=window))
    return out


def test_the_card_says_what_it_must(folder):
    card = load_folder(folder)[0].card
    assert sum(file.bytes for file in card.files.values()) <= MOST_BYTES
    assert "SA" not in card.licence.split("-")
    assert next(row.values["CPU hours in all"] for row in card.quality if row.protocol == "cost") > 0.5


@pytest.mark.parametrize("tile", [192, 256, 512])
def test_a_scene_comes_back_from_the_latents_at_any_tile(scene, tmp_path, tile):
    out = tmp_path / "o.tif"
    run(Request(inputs={"image": str(scene)}, out=str(out), tile=tile, threads=1), registry.resolve(NAME, "superres"))
    with rasterio.open(scene) as a, rasterio.open(out) as b:
        assert_within_one_dn(b.read(), a.read(), dn=1)


@pytest.mark.parametrize("time", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("tile", [192, 256, 512])
@torch.inference_mode()
def test_a_step_on_a_tile_is_that_of_the_scene(folder, scene, tile, time):
    network = load_base(folder)
    with rasterio.open(scene) as file:
        image = torch.from_numpy(file.read(1).astype(np.float32) / 255)[None, None]
    given = Conditioning.of([Band(0.635, 5.0, "photo")])
    clean = network.vae.encode(image)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    noisy = np.cos(np.pi / 2 * time) * clean + np.sin(np.pi / 2 * time) * noise
    whole = network.denoise(noisy, time, given)
    first, stop = 32 // 4, (32 + tile) // 4
    part = network.denoise(noisy[..., first:stop, first:stop], time, given)
    inner = slice(MARGIN, -MARGIN)
    assert_same_but_rounding(part[..., inner, inner], whole[..., first:stop, first:stop][..., inner, inner])
