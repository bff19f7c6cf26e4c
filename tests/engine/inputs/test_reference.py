"""A reference that does not fit is refused, and one that is out of place is measured and brought back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from scipy import ndimage

from seamline.engine.errors import ModelError, RequestError
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.engine.testing import assert_same_pixels
from seamline.tests.toys.reference import SPEC

WEST, NORTH, PX, SIDE = 500_000.0, 5_000_000.0, 10.0, 96


class Source:
    """The toy, which takes the bands of its image."""

    identity = "toy-reference@1"
    spec = replace(
        SPEC,
        inputs=(SPEC.inputs[0], replace(SPEC.inputs[1], bands=None, finer=2, range="unit", as_main=True)),
        outputs=SPEC.outputs[:1],
        needs_statistics=True,
    )

    def load(self, runtime):
        return Finer()


class Finer:
    def predict(self, batch, where):
        image = batch["image"].repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return image + 100 * batch["reference"] * batch["reference_valid"] if "reference" in batch else image


def ground(side, seed=0):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), 2.5)
    return 2000 + 3000 * noise


def write(path, values, px, *, names=(), nodata=None, west=WEST, crs="EPSG:32633"):
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=len(values),
        height=values.shape[1],
        width=values.shape[2],
        dtype="uint16",
        crs=crs,
        nodata=nodata,
        transform=from_origin(west, NORTH, px, px),
    ) as file:
        file.write(np.clip(values, 1 if nodata is None else 0, 60_000).astype(np.uint16))
        file.descriptions = names or (None,) * len(values)
    return str(path)


@pytest.fixture
def pair(tmp_path):
    """LR of two named bands, and a reference four times as fine with the same, and one more, in another order."""
    fine = np.stack([ground(4 * SIDE), ground(4 * SIDE, 1)])
    low = fine.reshape(2, SIDE, 4, SIDE, 4).mean(axis=(2, 4))
    lr = write(tmp_path / "lr.tif", low, PX, names=("red", "nir"))
    three = np.stack([fine[1], 0 * fine[0] + 7, fine[0]])
    return lr, write(tmp_path / "reference.tif", three, PX / 4, names=("nir", "green", "red")), fine


def inner(path):
    """What no shift of the reference brings over the rim."""
    with rasterio.open(path) as file:
        return file.read()[:, 32:-32, 32:-32].astype(float)


class Ears:
    def __init__(self):
        self.warnings = []

    def emit(self, event, **fields):
        if event == "warning":
            self.warnings.append((fields["kind"], fields["what"]))


def go(tmp_path, lr, reference, name="out.tif", listener=None, **options):
    out = tmp_path / name
    request = Request(inputs={"image": lr, "reference": reference}, out=str(out), **options)
    run(request, Source(), listener=listener or Ears())
    return out


def refused(tmp_path, lr, reference, match, kind=RequestError, **options):
    with pytest.raises(kind, match=match) as caught:
        go(tmp_path, lr, reference, **options)
    assert caught.value.fix
    assert not (tmp_path / "out.tif").exists()


def test_bands_are_found_by_their_names_and_else_by_their_count(pair, tmp_path):
    lr, reference, fine = pair
    by_name = go(tmp_path, lr, reference, "named.tif")
    same = write(tmp_path / "same.tif", fine, PX / 4)
    assert_same_pixels(by_name, go(tmp_path, lr, same, "counted.tif"))
    one = write(tmp_path / "one.tif", fine[:1], PX / 4)
    refused(tmp_path, lr, one, "has 1 band", ModelError)
    assert_same_pixels(
        go(tmp_path, lr, reference, "nir.tif", bands=("nir",)),
        go(tmp_path, lr, write(tmp_path / "other.tif", fine[1:], PX / 4), "single.tif", bands=("nir",)),
    )


def test_the_image_itself_and_coarser_pixels_are_refused(pair, tmp_path):
    lr, _, fine = pair
    refused(tmp_path, lr, lr, "the image itself")
    coarser = fine.reshape(2, SIDE // 2, 8, SIDE // 2, 8).mean(axis=(2, 4))
    refused(tmp_path, lr, write(tmp_path / "coarse.tif", coarser, 2 * PX), "no finer")


def test_a_reference_without_a_valid_pixel_or_of_other_ground_is_told(pair, tmp_path):
    lr, _, fine = pair
    nothing = write(tmp_path / "nothing.tif", 0 * fine, PX / 4, nodata=0)
    elsewhere = write(tmp_path / "far.tif", fine, PX / 4, west=WEST + 50_000)
    for reference in (nothing, elsewhere):
        ears = Ears()
        out = go(tmp_path, lr, reference, listener=ears, overwrite=True)
        assert out.exists()
        assert {kind for kind, _ in ears.warnings} == {"UnusedGuideWarning"}
        assert all("nothing is taken from it" in what for _, what in ears.warnings)


def test_a_shift_is_measured_reported_and_corrected(pair, tmp_path):
    lr, _, fine = pair
    # Three of its own px to the east, which is three quarters of a px of LR, and ten, which is more than two.
    for moved, warned in ((3, False), (10, True)):
        out_of_place = write(tmp_path / f"moved{moved}.tif", fine, PX / 4, west=WEST + moved * PX / 4)
        ears = Ears()
        go(tmp_path, lr, out_of_place, f"{moved}.tif", listener=ears)
        assert [kind for kind, what in ears.warnings if "--coregister" in what] == ["MisregistrationWarning"] * warned
        found = json.loads((tmp_path / f"{moved}.report.json").read_text())["misregistration"]
        # LR lies so far to the left of where the reference says it should.
        assert found["column"] == pytest.approx(-moved / 4, abs=0.1)
        assert found["row"] == pytest.approx(0.0, abs=0.1)
        as_it_lies = tmp_path / f"{moved}.tif"
        corrected = go(tmp_path, lr, out_of_place, f"{moved}-corrected.tif", coregister=True)
        right = go(tmp_path, lr, write(tmp_path / f"right{moved}.tif", fine, PX / 4), f"{moved}-right.tif")
        apart = [np.abs(inner(each) - inner(right)).mean() for each in (corrected, as_it_lies)]
        assert apart[0] < 0.2 * apart[1]
