"""Bands of 20 m on the grid of 10 m: what holds whatever the weights are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from seamline.engine.contract import Runtime, Where
from seamline.engine.errors import RequestError
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models.salad_pan.network import Config, SaladPanTiny
from seamline.models.sentinel2.mixtures import Mixtures, products
from seamline.models.sentinel2.tile import SEEN, SPEC, load
from seamline.tests.bounds import assert_within_one_dn

SMALL = {"latent": 4, "vae_width": 8, "base": [8, 16], "branch": 8, "embedding": 16}
DELIVERED = (1.0, 2.0, 1.0, 2.0)


def network(seed: int = 0) -> SaladPanTiny:
    """Nothing in it is zero, as after training."""
    torch.manual_seed(seed)
    made = SaladPanTiny(Config.of(SMALL))
    for parameter in made.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    return made.eval()


def image(side: int = 64, seed: int = 0) -> torch.Tensor:
    """(1, 4, side, side): bands 1 and 3 are mixtures of the others, seen on larger pixels."""
    fine = torch.rand(1, 2, side, side, generator=torch.Generator().manual_seed(seed))
    mixed = torch.stack((0.7 * fine[:, 0] + 0.2 * fine[:, 1], 0.1 * fine[:, 0] + 0.5 * fine[:, 1]), dim=1)
    cells = torch.nn.functional.avg_pool2d(mixed, 2)
    coarse = torch.nn.functional.interpolate(cells, scale_factor=2.0, mode="bilinear")
    return torch.stack((fine[:, 0], coarse[:, 0], fine[:, 1], coarse[:, 1]), dim=1)


def where(delivered: tuple[float, ...] = DELIVERED, origin: tuple[int, int] = (0, 0)) -> Where:
    return Where(7, 0, (origin,), {"image": (1.0, 1.0)}, delivered={"image": delivered})


def measured(at: Where, values: torch.Tensor) -> Where:
    model = load(SMALL, network().state_dict(), Runtime())
    everywhere = torch.ones(1, 1, *values.shape[2:], dtype=torch.bool)
    return replace(at, statistics=model.measure({"image": values}, everywhere, at))


def predict(values: torch.Tensor, at: Where, made: SaladPanTiny | None = None) -> dict[str, torch.Tensor]:
    return load(SMALL, (made or network()).state_dict(), Runtime()).predict({"image": values}, at)


def test_mixtures_are_those_that_the_bands_are():
    values = image(96)[0]
    everywhere = torch.ones(96, 96, dtype=torch.bool)
    found = Mixtures.of(products(values[[0, 2]], values[[1, 3]], everywhere, 2.0, SEEN), 2)
    # Seen through another response than the assumed one: proportions stay.
    proportions = found.weights / found.weights.sum(dim=1, keepdim=True)
    wanted = torch.tensor([[0.7 / 0.9, 0.2 / 0.9], [0.1 / 0.6, 0.5 / 0.6]])
    assert torch.allclose(proportions, wanted, atol=0.03)
    assert ((found.shares > 0.5) & (found.shares < 1.01)).all()


def test_fine_bands_come_out_as_they_went_in_and_coarse_ones_get_detail():
    values = image()
    found = predict(values, measured(where(), values), SaladPanTiny(Config.of(SMALL)))
    assert torch.equal(found["image"][:, [0, 2]], values[:, [0, 2]])
    truth = 0.7 * values[:, 0] + 0.2 * values[:, 2]
    before, after = ((x[:, 1] - truth).square().mean() for x in (values, found["image"]))
    assert after < 0.5 * before
    assert not found["uncertainty"][:, [0, 2]].any()
    assert (found["uncertainty"][:, [1, 3]] > 0).all()


def test_bands_in_another_order_come_out_in_it():
    values, order = image(), [3, 0, 1, 2]
    turned = values[:, order]
    at = where(tuple(DELIVERED[k] for k in order))
    one, other = predict(values, measured(where(), values)), predict(turned, measured(at, turned))
    assert_within_one_dn(other["image"], one["image"][:, order])


def test_a_tile_gives_the_pixels_of_the_whole_scene():
    values = image(256)
    at = measured(where(), values)
    whole = predict(values, at)["image"]
    part = predict(values[..., 48:208, 64:224], replace(at, origins=((48, 64),)))["image"]
    assert_within_one_dn(part[..., 64:-64, 64:-64], whole[..., 112:144, 128:160])


@pytest.mark.parametrize(
    ("delivered", "what"), [((1.0,) * 4, "pixels of one size"), ((1.0, 2.0, 1.0, 6.0), "6 times as coarse")]
)
def test_what_it_was_not_made_for_is_refused_before_any_tile(delivered, what):
    with pytest.raises(RequestError, match=what) as caught:
        measured(where(delivered), image())
    assert caught.value.fix


def test_files_of_two_pixel_sizes_run(tmp_path, write_raster):
    rng = np.random.default_rng(0)
    place = {n: from_origin(500000, 5000000, n, n) for n in (10, 20)}
    ten = write_raster("ten.tif", rng.integers(500, 3000, (2, 96, 96), np.uint16), transform=place[10])
    twenty = write_raster("twenty.tif", rng.integers(500, 3000, (2, 48, 48), np.uint16), transform=place[20])
    out = tmp_path / "out.tif"
    run(Request(inputs={"image": f"{ten},{twenty}"}, out=str(out)), Source())
    with rasterio.open(out) as found, rasterio.open(ten) as given:
        assert found.count == 4
        assert found.transform == given.transform
        assert np.array_equal(found.read([1, 2]), given.read())


class Source:
    """A source of an untrained network."""

    spec = SPEC
    identity = "untrained@1"

    def load(self, runtime: Runtime):
        return load(SMALL, SaladPanTiny(Config.of(SMALL)).state_dict(), runtime)
