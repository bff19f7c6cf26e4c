"""What holds for every kind of product: bounds, fingerprints, and which product lies at a path."""

from __future__ import annotations

import pytest

from seamline.engine.errors import RequestError
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.fingerprint import Stamp
from seamline.engine.inputs.metadata import elements, groups
from seamline.engine.inputs.products import files
from seamline.engine.inputs.products.find import find_product
from seamline.tests.engine.deliveries import write_dimap, write_landsat, write_maxar, write_planetscope
from seamline.tests.engine.safe import write_product

WRITERS = {
    "landsat": write_landsat,
    "planetscope": write_planetscope,
    "dimap": write_dimap,
    "maxar": write_maxar,
}


@pytest.fixture(params=WRITERS.values(), ids=WRITERS)
def made(request, tmp_path):
    return request.param(tmp_path)


def described(made):
    """The file that says what the bands are."""
    imd = made.metadata.with_suffix(".IMD")
    return imd if imd.exists() else made.metadata


def test_metadata_of_any_size_are_not_read(made, monkeypatch):
    monkeypatch.setattr(files, "_LARGEST_METADATA", 400)
    with pytest.raises(RequestError, match=f"{described(made).suffix} is larger than"):
        find_product(str(made.folder))


def test_metadata_that_are_no_text_are_refused(made):
    described(made).write_bytes(bytes(range(256)) * 4)
    with pytest.raises(RequestError, match=r"its metadata (are not XML|end too early)"):
        find_product(str(made.folder))


def test_metadata_are_part_of_the_fingerprint_and_are_watched(made):
    before = describe("ms", str(made.folder))
    told = described(made)
    assert Stamp.of(told.absolute()) in before.stamps
    told.write_text(told.read_text() + "\n\n")
    assert describe("ms", str(made.folder)).fingerprint != before.fingerprint


@pytest.mark.parametrize("name", ["landsat", "planetscope"])
def test_masks_are_part_of_the_fingerprint_and_are_watched(tmp_path, name):
    made = WRITERS[name](tmp_path)
    before = describe("ms", str(made.folder))
    mask = next(path for path in made.folder.iterdir() if "QA_PIXEL" in path.name or "udm2" in path.name)
    assert Stamp.of(mask.absolute()) in before.stamps
    mask.unlink()
    assert describe("ms", str(made.folder)).fingerprint != before.fingerprint


def test_a_product_that_was_moved_is_the_same(made, tmp_path):
    before = describe("ms", str(made.folder)).fingerprint
    made.folder.rename(tmp_path / "elsewhere")
    assert describe("ms", str(tmp_path / "elsewhere")).fingerprint == before


def test_elements_within_elements_of_their_name_cost_no_more():
    # One list of each would be as many references as the square of this.
    deep = 200_000
    found = elements(b"<x>" + b"<a>" * deep + b"<b/>" + b"</a>" * deep + b"<a/></x>", source="", fix="")
    assert [len(inside) for inside in groups(found, "a")] == [deep, 0]


def test_products_of_several_kinds_in_one_folder_are_refused(tmp_path):
    made = write_landsat(tmp_path)
    for path in write_planetscope(tmp_path).folder.iterdir():
        path.rename(made.folder / path.name)
    with pytest.raises(RequestError, match="it holds products of several kinds, Landsat and PlanetScope"):
        find_product(str(made.folder))
    assert find_product(str(made.metadata)).kind == "Landsat"


def test_folders_and_archives_without_a_product(tmp_path):
    assert find_product(str(tmp_path)) is None
    made = write_dimap(tmp_path)
    with pytest.raises(RequestError, match="it holds no Sentinel-2, Landsat or PlanetScope product"):
        find_product(str(made.zipped()))


@pytest.mark.parametrize("level", ["1C", "2A"])
def test_sentinel_2_says_its_sensor(tmp_path, level):
    scene = describe("image", str(write_product(tmp_path, level).safe), bands=("B02", "B8A"))
    assert (scene.delivery.kind, scene.delivery.sensor, scene.delivery.states_scale) == (
        "Sentinel-2",
        "Sentinel-2",
        True,
    )
