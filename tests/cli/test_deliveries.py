"""Deliveries by the command line: one folder as MS and PAN, the tags of the output, the sensor, the refusals."""

from __future__ import annotations

import re

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner

from seamline.cli.group import cli
from seamline.engine.optics.sensors import find_sensor
from seamline.engine.request import Request
from seamline.engine.run import plan_run
from seamline.models.classical.interpolate import Bicubic
from seamline.tests.engine.deliveries import SIDE, write_dimap, write_landsat, write_maxar, write_planetscope
from seamline.tests.engine.safe import write_product


def run(*words, code=0):
    """What a command said; it ran in this process."""
    answer = CliRunner().invoke(cli, [str(word) for word in words])
    assert answer.exit_code == code, answer.output
    return answer.output


def pansharpened(made, folder, *options):
    out = folder / "out.tif"
    run("pansharpen", made.folder, made.folder, out, "--model", "gsa", "--sensor", "none", *options)
    return rasterio.open(out)


def test_landsat_is_its_own_ms_and_pan(tmp_path):
    made = write_landsat(tmp_path)
    with pansharpened(made, tmp_path, "--bands", "B4,B3,B2") as data:
        assert data.transform.a == 15
        assert data.descriptions == ("B4", "B3", "B2")
        assert data.scales == pytest.approx((6e-5, 5e-5, 4e-5))
        assert data.offsets == pytest.approx((-0.100004, -0.100003, -0.100002))
        # Fill by the quality band, 30 m wide: it covers three of the columns of PAN, which begin half a pixel inside.
        valid = data.read_masks(1) > 0
        assert not valid[:, 0].any()
        assert valid[3:, 3:].all()


@pytest.mark.parametrize("write", [write_dimap, write_maxar])
def test_bundles_are_their_own_ms_and_pan(tmp_path, write):
    made = write(tmp_path)
    with pansharpened(made, tmp_path) as data:
        assert data.shape == (2 * SIDE, 2 * SIDE)
        assert data.count == len(made.bands)


def test_the_output_of_planetscope_has_its_reflectance_and_its_holes(tmp_path):
    made = write_planetscope(tmp_path)
    run("superres", made.folder, tmp_path / "out.tif", "--model", "identity", "--bands", "red,nir")
    with rasterio.open(tmp_path / "out.tif") as data:
        assert data.descriptions == ("red", "nir")
        assert data.scales == pytest.approx((3.5e-5, 4.5e-5))
        np.testing.assert_array_equal(data.read(1)[1:, 1:5], made.bands["red"][1:, 1:5])
        masked = data.read_masks(1) == 0
        assert masked[7, 7]
        assert not masked[5, 5]
        assert (data.read(1)[masked] == 0).all()


def planned(source, tmp_path, **options):
    request = Request(inputs={"image": str(source)}, out=str(tmp_path / "out.tif"), **options)
    return plan_run(request, Bicubic(2))[0]


def test_the_sensor_of_a_product_is_the_one_whose_filter_is_asked_for(tmp_path):
    made = write_maxar(tmp_path, craft="GE01", letters="B G R N", identity="BGRN")
    plan = planned(made.folder, tmp_path, consistency="on")
    assert plan.consistency == "mtf"
    assert plan.gains == find_sensor("GeoEye-1").gains(4)
    assert planned(made.folder, tmp_path, consistency="on", sensor="none").gains == (0.3,) * 4
    # Who asks for nothing gets what the model does by itself.
    assert planned(made.folder, tmp_path).consistency == "off"
    safe = write_product(tmp_path, "1C").safe
    named = planned(safe, tmp_path, consistency="on", bands=("B02", "B8A"))
    assert named.gains == find_sensor("Sentinel-2").gains(2, ["B02", "B8A"])
    # No gain is published for B10, nor for any band of Landsat.
    assert planned(safe, tmp_path, consistency="on", bands=("B09", "B10")).consistency == "area"
    assert planned(write_landsat(tmp_path).folder, tmp_path, consistency="on").consistency == "area"


def test_the_plan_says_what_the_inputs_are(tmp_path):
    made = write_landsat(tmp_path)
    said = run("superres", made.folder, tmp_path / "out.tif", "--model", "bicubic", "--dry-run")
    assert "(Landsat, Landsat-8)" in " ".join(said.split())


def test_factors_that_a_product_states_are_not_stated_again(tmp_path):
    landsat, counts = write_landsat(tmp_path), write_dimap(tmp_path)
    options = ["--model", "identity", "--scale-factor", 0.001]
    said = run("superres", landsat.folder, tmp_path / "out.tif", *options, code=2)
    assert "the metadata of a Landsat product state its offsets and scales" in said
    run("superres", counts.folder, tmp_path / "out.tif", *options)
    with rasterio.open(tmp_path / "out.tif") as data:
        assert data.scales == (0.001,) * 4


def test_an_image_of_a_product_is_no_output(tmp_path):
    made = write_landsat(tmp_path)
    image = next(made.folder.glob("*_B2.TIF"))
    before = image.read_bytes()
    said = run("superres", made.folder, image, "--model", "identity", "--overwrite", code=2)
    assert "the output is one of the inputs" in said
    assert image.read_bytes() == before


BROKEN = {
    "landsat cut": (write_landsat, "</LANDSAT_METADATA_FILE>", "", "its metadata are not XML"),
    "landsat without a band": (write_landsat, "_B3.TIF", "_B33.TIF", "the product lacks the image of B3"),
    "landsat elsewhere": (write_landsat, "BAND_2>LC", "BAND_2>../LC", "have an image outside the product"),
    "planetscope cut": (write_planetscope, "</ps:EarthObservation>", "", "its metadata are not XML"),
    "planetscope without a band": (write_planetscope, "Number>4<", "Number>5<", "no reflectanceCoefficient of band 4"),
    "dimap cut": (write_dimap, "</Dimap_Document>", "", "its metadata are not XML"),
    "dimap without a tile": (write_dimap, "_R1C2.TIF", "_R1C3.TIF", "which is no local file"),
    "maxar without a tile": (write_maxar, "_R1C2", "_R1C3", "which is no local file"),
    "maxar elsewhere": (write_maxar, 'filename = "', 'filename = "../', "which lies outside its folder"),
}


@pytest.mark.parametrize(("write", "old", "new", "sentence"), BROKEN.values(), ids=BROKEN)
def test_broken_deliveries_are_refused_in_one_sentence(tmp_path, write, old, new, sentence):
    made = write(tmp_path)
    made.change(old, new)
    said = run("superres", made.folder, tmp_path / "out.tif", "--model", "identity", code=2)
    assert len(said.strip().splitlines()) == 1
    assert re.search(sentence, said), said
    assert not (tmp_path / "out.tif").exists()
