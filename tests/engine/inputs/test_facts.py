"""Facts of a scene: of the whole of it, from georeference and tags, part of a run's identity where a model is told."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio import CRS

from seamline.engine.contract import InputSpec, ModelSpec
from seamline.engine.facts import SceneFacts
from seamline.engine.inputs.facts import facts_of
from seamline.engine.inputs.scene import Part, Scene
from seamline.engine.request import Request
from seamline.engine.run import plan_run, run
from seamline.engine.serial import from_jsonable, to_jsonable
from seamline.engine.testing import PassThrough

UTM = Affine(10, 0, 5e5, 0, -10, 5e6)
EVERYTHING = {"DATE_ACQUIRED": "2021-07-09T10:00:00Z", "Cloud_Cover": "12.5"}


def of(crs, affine=UTM, **tags):
    grid = GeoBox((100, 100), affine, None if crs is None else CRS.from_user_input(crs).to_wkt())
    return facts_of(Scene("image", "here", (Part(grid, (), "none", 0),), "uint8", False, "", tags))


@pytest.mark.parametrize(
    ("crs", "affine", "place", "gsd"),
    [
        ("EPSG:32633", UTM, (15.01, 45.15), 10.0),
        ("EPSG:32633", Affine(0, 10, 5e5, -10, 0, 5e6), (15.01, 45.15), 10.0),
        # A metre of the map is less on the ground, but at the equator.
        ("EPSG:3857", UTM, (4.5, 40.91), 7.55),
        ("EPSG:4326", Affine(1e-4, 0, 192, 0, -1e-4, 60.005), (-168.0, 60.0), 7.88),
        # Feet.
        ("EPSG:2263", Affine(10, 0, 987000, 0, -10, 213000), (-73.99, 40.75), 3.05),
        ("EPSG:4326", Affine(1, 0, 0, 0, -1, 150), None, None),
        ('LOCAL_CS["plant",UNIT["metre",1]]', UTM, None, None),
        (None, UTM, None, None),
        ("EPSG:32633", Affine.identity(), None, None),
    ],
)
def test_place_and_px_size_come_from_the_georeference(crs, affine, place, gsd):
    assert of(crs, affine) == SceneFacts(place, gsd)


@pytest.mark.parametrize(
    ("tags", "cloud", "date"),
    [
        (EVERYTHING, 0.125, (2021, 7, 9)),
        ({"TIFFTAG_DATETIME": "2023:01:02 10:00:00"} | EVERYTHING, 0.125, (2021, 7, 9)),
        ({"TIFFTAG_DATETIME": "2023:01:02 10:00:00"}, None, (2023, 1, 2)),
        ({"CLOUDCOVER": "0"}, 0.0, None),
        ({"CLOUDCOVER": "n/a", "CLOUD_COVER": "50", "ACQUISITION_DATE": "2021-02-30"}, 0.5, None),
        ({"CLOUDCOVER": "-999", "DATE_ACQUIRED": "someday"}, None, None),
        ({"CLOUDCOVER": "nan"}, None, None),
    ],
)
def test_date_and_cloud_come_from_tags(tags, cloud, date):
    assert of(None, **tags) == SceneFacts(cloud=cloud, date=date)


class Told:
    """A model that says what it was told; ``needs`` or not."""

    identity = "told@1"

    def __init__(self, needs=True):
        self.heard = []
        self.spec = ModelSpec(
            name="told",
            version="1",
            task="superres",
            inputs=(InputSpec(name="image"),),
            main="image",
            tile=64,
            overlap=16,
            needs_facts=needs,
        )

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        self.heard.append(where.facts)
        return torch.as_tensor(batch["image"])


def request_for(path, out, **options):
    return Request(inputs={"image": str(path)}, out=str(out), threads=1, **options)


def test_models_are_told_the_facts_of_the_whole_scene(write_raster, tmp_path):
    values = np.ones((1, 100, 90), np.uint16)
    path = write_raster(
        "scene.tif", values, crs="EPSG:32633", transform=Affine(500, 0, 5e5, 0, -500, 5e6), tags=EVERYTHING
    )
    model = Told()
    for options in ({}, {"window": (0, 0, 20, 20)}, {"extent": (5.3e5, 4.96e6, 5.4e5, 4.97e6)}):
        run(request_for(path, tmp_path / "o.tif", overwrite=True, **options), model)
    assert set(model.heard) == {SceneFacts((15.29, 44.93), 500.0, 0.125, (2021, 7, 9))}
    silent = Told(needs=False)
    run(request_for(path, tmp_path / "o.tif", overwrite=True), silent)
    assert set(silent.heard) == {None}


def test_facts_decide_the_identity_where_a_model_is_told_them_and_other_tags_never(write_raster, tmp_path):
    path = write_raster("scene.tif", np.ones((1, 40, 30), np.uint16), crs="EPSG:32633", transform=UTM, tags=EVERYTHING)
    request = request_for(path, tmp_path / "o.tif")

    def plans():
        return [plan_run(request, model)[0] for model in (Told(), Told(needs=False), PassThrough())]

    def tag(name, value):
        # Beside the file, so that its content stays.
        (tmp_path / "scene.tif.aux.xml").write_text(
            f'<PAMDataset><Metadata><MDI key="{name}">{value}</MDI></Metadata></PAMDataset>'
        )

    before = plans()
    assert [plan.facts is None for plan in before] == [False, True, True]
    assert from_jsonable(type(before[0]), to_jsonable(before[0])) == before[0]
    tag("NOTE", "cloudy")
    assert [plan.identity for plan in plans()] == [plan.identity for plan in before]
    tag("CLOUDCOVER", "50")
    told, *others = plans()
    assert told.facts == replace(before[0].facts, cloud=0.5)
    assert told.identity != before[0].identity
    assert [plan.identity for plan in others] == [plan.identity for plan in before[1:]]


def test_a_scene_without_georeference_has_no_place(write_raster, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = write_raster("scene.tif", np.ones((1, 40, 30), np.uint16), crs=None, transform=Affine.identity())
        assert plan_run(request_for(path, tmp_path / "o.tif"), Told())[0].facts == SceneFacts()
