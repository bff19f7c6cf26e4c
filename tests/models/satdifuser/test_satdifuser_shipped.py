"""The heads that ship: what their cards say, and that they tell their classes apart on images that no step has seen."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from seamline.engine.inputs.labels import LabelRequest, open_labels
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models import registry
from seamline.models.folder import load_folder

MOST_BYTES = 4e6
CLASSES = {
    "satdifuser-buildings": {"background", "building"},
    "satdifuser-trees": {"alive", "dead"},
    "satdifuser-landcover": {
        "AnnualCrop",
        "Forest",
        "HerbaceousVegetation",
        "Highway",
        "Industrial",
        "Pasture",
        "PermanentCrop",
        "Residential",
        "River",
        "SeaLake",
    },
}


@pytest.mark.parametrize("name", CLASSES)
def test_the_card_says_what_it_must(name):
    card = load_folder(registry.info(name).origin)[0].card
    assert sum(file.bytes for file in card.files.values()) <= MOST_BYTES
    assert {category.name for output in card.outputs for category in output.categories} == CLASSES[name]
    assert card.inputs[0].bits == 8
    # Outlines of OpenStreetMap are shared alike; who uses the model must know.
    assert ("ODbL" in card.licence) == ("OpenStreetMap" in card.training_data)
    assert card.quality


def unseen(data, dataset):
    split = json.loads((data / "splits.json").read_text())["datasets"][dataset]["test"]
    return [data / file for file in split]


# Kampala at 0.15 m, as it was learned.
@pytest.mark.parametrize(("dataset", "ending"), [("buildings", "-20.tif"), ("buildings_banepa", ".tif")])
def test_buildings_of_both_cities_are_found(data, tmp_path, dataset, ending):
    tile = next(path for path in unseen(data, dataset) if path.name.endswith(ending))
    out = tmp_path / "map.tif"
    source = registry.resolve("satdifuser-buildings", "segment")
    run(Request(inputs={"image": str(tile)}, out=str(out), threads=1), source)
    with rasterio.open(out) as file:
        names = [category.name for category in source.spec.outputs[0].categories]
        found, grid = file.read(1) == names.index("building"), GeoBox.from_rio(file)
    labels = open_labels(
        LabelRequest(str(data / dataset / "labels.geojson"), rest="background", field=None), None, grid
    )
    true = labels.rasterise(grid) != labels.names.index("background")
    # A map without buildings has 0, and one of nothing else their share of the ground.
    assert (found & true).sum() / (found | true).sum() > max(0.4, true.mean())


def test_kinds_of_land_cover_are_told_apart(data, tmp_path):
    source, right = registry.resolve("satdifuser-landcover", "classify"), []
    names = [category.name for category in source.spec.outputs[0].categories]
    chips = unseen(data, "eurosat")[::12]
    for chip in chips:
        out = tmp_path / f"{chip.stem}.tif"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run(Request(inputs={"image": str(chip)}, out=str(out), threads=1), source)
            with rasterio.open(out) as file:
                right.append(names[int(file.read(1)[0, 0])] == chip.parent.name)
    # One of ten is right by chance.
    assert np.mean(right) > 0.5
