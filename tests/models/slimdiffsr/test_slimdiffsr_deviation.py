"""The student's head for deviations: beside the image, never in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from seamline.engine.contract import UNCERTAINTY, Runtime, Where
from seamline.engine.errors import ModelError
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models.folder import write_folder
from seamline.models.registry import resolve
from seamline.models.slimdiffsr.config import Config
from seamline.models.slimdiffsr.deviation import LEAST, MOST, DeviationHead
from seamline.models.slimdiffsr.network import SlimDiffSR
from seamline.models.slimdiffsr.tile import MatchedTile, SlimTile, Use, card

SMALL = Config(channels=(16, 16, 16), groups=4, queries=4, squeeze=8, image=3, codec="shuffle", codec_blocks=(1, 1, 1))
TOLD = replace(SMALL, deviation=True)
STATEMENTS = {"licence": "none", "training_data": "none", "citation": "none"}
HERE = Where(0, 0, ((0, 0),), {"image": (1.0, 1.0)})
BOTH = frozenset({"image", "uncertainty"})


def student(config: Config = TOLD) -> SlimDiffSR:
    torch.manual_seed(4)
    network = SlimDiffSR(config).eval().requires_grad_(False)
    if config.deviation:
        torch.nn.init.normal_(network.deviation.leave.weight, std=0.5)
    return network


def image(bands: int) -> torch.Tensor:
    return torch.rand(1, bands, 12, 16, generator=torch.Generator().manual_seed(1))


def test_the_published_network_has_no_head():
    assert not any("deviation" in key for key in SlimDiffSR(SMALL).state_dict())


def test_a_new_head_says_the_same_everywhere_and_never_leaves_its_bounds():
    head = DeviationHead(TOLD)
    maps = torch.randn(1, 16, 4, 4)
    assert torch.allclose(head(maps), torch.tensor(-6.0), atol=1e-4)
    torch.nn.init.normal_(head.leave.weight, std=100.0)
    found = head(maps)
    assert found.shape == (1, 3, 16, 16)
    assert LEAST <= found.min() < found.max() <= MOST


def test_deviations_can_be_widened():
    head = DeviationHead(TOLD)
    before = head(torch.zeros(1, 16, 2, 2))
    head.widen(2.0)
    ratio = torch.exp(0.5 * (head(torch.zeros(1, 16, 2, 2)) - before))
    assert torch.allclose(ratio, torch.tensor(2.0), rtol=0.03)


@pytest.mark.parametrize("bands", [1, 3, 5])
@pytest.mark.parametrize("matched", [False, True])
def test_the_image_holds_the_same_bits_with_deviations(bands, matched):
    use = Use(4, 8, colour="scene" if matched else "none")
    model = (MatchedTile if matched else SlimTile)(student(), use)
    x, where = image(bands), HERE
    if matched:
        where = replace(HERE, statistics=model.measure({"image": x}, torch.ones(1, 1, 12, 16, dtype=torch.bool), HERE))
    both = model.predict({"image": x}, replace(where, wanted=BOTH))
    found, deviation = both["image"], both["uncertainty"]
    assert torch.equal(found, model.predict({"image": x}, where))
    assert deviation.shape == found.shape == (1, bands, 48, 64)
    assert (deviation > 0).all()
    assert torch.isfinite(deviation).all()
    assert deviation.std() > 0


def test_a_band_gets_the_deviation_of_its_own_channel_in_the_unit_range():
    network = student()
    model = SlimTile(network, Use(4, 8, colour="none"))
    x = image(3)
    planes = 2.0 * model.upsampled(x).clamp(0.0, 1.0) - 1.0
    log_variance = network.with_deviation(planes)[1]
    wanted = torch.exp(0.5 * log_variance) / 2.0
    assert torch.allclose(model.predict({"image": x}, replace(HERE, wanted=BOTH))["uncertainty"], wanted)


def test_a_network_without_a_head_is_refused_by_name():
    model = SlimTile(student(SMALL), Use(4, 8))
    with pytest.raises(ModelError, match="tells no deviations"):
        model.predict({"image": image(3)}, replace(HERE, wanted=BOTH))


def test_the_engine_writes_deviations_in_the_units_of_the_scene(tmp_path):
    use = Use(4, 16, colour="none")
    about = card(TOLD, use, name="told", version="1", **STATEMENTS)
    assert UNCERTAINTY in about.spec.outputs
    write_folder(tmp_path / "told", about, student().state_dict())
    values = np.random.default_rng(0).integers(200, 3000, (3, 40, 40)).astype(np.uint16)
    values[:, :3] = 0
    profile = {
        "driver": "GTiff",
        "count": 3,
        "height": 40,
        "width": 40,
        "dtype": "uint16",
        "nodata": 0,
        "crs": "EPSG:32631",
    }
    with rasterio.open(tmp_path / "in.tif", "w", transform=from_origin(0, 0, 10, 10), **profile) as file:
        file.write(values)
    request = Request(
        inputs={"image": str(tmp_path / "in.tif")},
        out=str(tmp_path / "out.tif"),
        also={"uncertainty": str(tmp_path / "u.tif")},
    )
    source = resolve(str(tmp_path / "told"), "superres")
    assert isinstance(source.load(Runtime()), SlimTile)
    run(request, source)
    with rasterio.open(tmp_path / "out.tif") as out, rasterio.open(tmp_path / "u.tif") as told:
        assert (told.shape, told.count, told.dtypes[0]) == (out.shape, out.count, "float32")
        deviation, masked = told.read(), out.read_masks() == 0
    assert np.isnan(deviation[masked]).all()
    assert (deviation[~masked] > 0).all()
    # A deviation of the unit range is one of thousands of DN here.
    assert 10 < np.median(deviation[~masked]) < 3000
