"""Full resolution with a known truth: pairs by seed alone, scored as anything else, refused where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from seamline.engine.errors import RequestError
from seamline.engine.quality.known_truth import KnownTruth, averaged, evaluate_draws, write_draws
from seamline.engine.request import Request
from seamline.models import registry


@pytest.fixture
def truth(write_raster):
    """An image of four bands."""
    rng = np.random.default_rng(0)
    side = 192
    down, across = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side), indexing="ij")
    shape = 1.0 / (np.hypot(down, across) + 0.02)
    planes = np.fft.ifft2(np.fft.fft2(rng.standard_normal((4, side, side))) * shape).real
    planes = planes[:1] / planes[:1].std() + 0.3 * planes / planes.std()
    return write_raster("truth.tif", (2000 + 400 * planes).clip(1, None).astype(np.uint16))


def pixels(path):
    with rasterio.open(path) as file:
        return file.read(), file.transform


def test_pairs_follow_from_their_seed_and_lie_on_their_truth(truth, tmp_path):
    protocol = KnownTruth(str(truth), draws=2)
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        found.append(
            [
                (draw.instrument, *(pixels(path)[0] for path in (draw.pan, draw.ms, draw.truth)))
                for draw in write_draws(protocol, tmp_path / name)
            ]
        )
    for one, two in zip(*found, strict=True):
        assert one[0] == two[0]
        assert all(np.array_equal(a, b) for a, b in zip(one[1:], two[1:], strict=True))
    assert found[0][0][0] != found[0][1][0]
    (last,) = list(write_draws(KnownTruth(str(truth), draws=1, first=1), tmp_path))
    assert last.instrument == found[0][1][0]
    (pan, fine), (ms, coarse), (reference, _) = (pixels(path) for path in (last.pan, last.ms, last.truth))
    assert pan.shape == (1, 192, 192)
    assert ms.shape == (4, 48, 48)
    assert (coarse.a, coarse.c, coarse.f) == (4 * fine.a, fine.c, fine.f)
    assert reference.shape == (4, 192, 192)
    assert abs(ms.mean() / reference.mean() - 1) < 0.01


def test_models_are_scored_as_images_are(truth):
    protocol, request = KnownTruth(str(truth), draws=2, bits=12), Request(inputs={}, out="", tile=128)
    scores = {
        name: averaged(list(evaluate_draws(protocol, registry.resolve(name, "pansharpen"), request))).metrics
        for name in ("mtf-glp-fs", "brovey")
    }
    for found in scores.values():
        assert {"Q2n", "SAM", "ERGAS", "PSNR", "lattice"} <= set(found)
        assert 0.0 < found["ERGAS"] < 20.0


def test_what_cannot_be_seen_is_refused(write_raster, tmp_path):
    two = write_raster("two.tif", np.ones((2, 192, 192), np.uint8))
    with pytest.raises(RequestError, match="2 bands"):
        next(write_draws(KnownTruth(str(two)), tmp_path))
    small = write_raster("small.tif", np.ones((3, 64, 64), np.uint8))
    with pytest.raises(RequestError, match="128 x 128"):
        next(write_draws(KnownTruth(str(small)), tmp_path))
    holes = np.ones((3, 192, 192), np.uint8)
    holes[:, 90:100, 90:100] = 0
    with pytest.raises(RequestError, match="128 x 128"):
        next(write_draws(KnownTruth(str(write_raster("holes.tif", holes, nodata=0))), tmp_path))
