"""Training on a backbone that is told the facts of each image: where they come from, and what they decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from seamline.engine.errors import ModelError
from seamline.engine.facts import SceneFacts
from seamline.engine.ground.grids import Window
from seamline.engine.inputs.labels import LabelRequest
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models import registry
from seamline.models.folder import load_folder
from seamline.models.satdifuser.config import Reading
from seamline.models.satdifuser.published.backbone import Published
from seamline.models.satdifuser.published.metadata import scalars_of
from seamline.models.satdifuser.tile import told_of
from seamline.tests.models.satdifuser.backbones import add_metadata, make_backbone
from seamline.tests.training.satdifuser.made_up import Means, draw, squares, two_kinds, write_backbone, write_image
from seamline.training.satdifuser.cache import FeatureCache
from seamline.training.satdifuser.features import Extractor
from seamline.training.satdifuser.fit import FitSettings
from seamline.training.satdifuser.images import chip, raster, sized
from seamline.training.satdifuser.model import Design
from seamline.training.satdifuser.sources import open_source
from seamline.training.satdifuser.tiles import Sheet, Tile
from seamline.training.satdifuser.train import Job, train_on_labels

SIDE = 96


@pytest.fixture(autouse=True)
def _one_thread():
    """Runs set the threads of the whole process, and threads decide bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_images_and_chips_know_of_themselves_what_their_files_say(tmp_path):
    values = two_kinds(16, 16)[0]
    path = write_image(tmp_path / "scene.tif", values, gsd=2.0)
    here = SceneFacts((15.0, 45.15), 2.0)
    assert raster(path).facts == chip(path).facts == here
    assert chip(path).grid is None
    assert sized(chip(path), 8, "resize").facts == replace(here, gsd=4.0)
    assert sized(chip(path), 8, "crop").facts == here
    assert chip(write_image(tmp_path / "nowhere.tif", values, crs=None)).facts == SceneFacts()


class Hears(Means):
    """Remembers what it is told."""

    def features(self, image, noise, checkpoint, **told):
        self.told = told
        return super().features(image, noise, checkpoint)


def sheets_at(tmp_path, *lefts):
    """Sheets of images of one content, and where they lie."""
    found = []
    for left in lefts:
        image = raster(write_image(tmp_path / f"{left}.tif", two_kinds(16, 16)[0], left=left))
        tile = Tile(image, image.whole, Window(0, 0, 16, 16), np.zeros((16, 16), np.uint8), "0")
        found.append(Sheet(image, image.whole, (tile,)))
    return found


@pytest.mark.parametrize("metadata", [True, False])
def test_each_image_has_its_own_facts_and_stored_features_are_those_of_them(metadata, tmp_path):
    sheets = sheets_at(tmp_path, 300000, 700000)
    backbone, reading = Hears(), Reading(metadata=metadata)

    def told(facts):
        return told_of(reading, facts)

    extractor = Extractor(
        backbone, "one", lambda where: None, (1000.0,) * 3, FeatureCache(tmp_path / "cache"), "cpu", lambda: None, told
    )
    extractor.examples(sheets)
    if metadata:
        first, second = backbone.told["metadata"]
        assert first[2] == second[2] == 1000.0
        assert first[0] < second[0]
    else:
        assert backbone.told == {}
    # The same pixels at the same place of the lattice, with other facts.
    image = replace(sheets[0].image, facts=replace(sheets[0].image.facts, cloud=0.5))
    other = Sheet(image, image.whole, (replace(sheets[0].tiles[0], image=image),))
    assert extractor.examples([sheets[0]])[1] == 0
    assert extractor.examples([other])[1] == int(metadata)


def job(home, out, backbone):
    labels = LabelRequest(str(home / "labels.geojson"), "kind")
    return Job(
        task="segment",
        source=lambda check: open_source("segment", [str(home / "scene.tif")], labels, check=check),
        out=out,
        labels=labels,
        design=Design(backbone=str(backbone), width=16, bottleneck=8, channels=8, times=(47.0,), metadata=True),
        fit=FitSettings(steps=4, rate=0.01, batch=4, cut=64, looks=1),
        copies=1,
        device="cpu",
    )


def test_a_head_is_trained_and_run_on_a_backbone_that_is_told(tmp_path, monkeypatch):
    write_image(tmp_path / "scene.tif", two_kinds(SIDE, SIDE)[0], nodata=0)
    draw(tmp_path / "labels.geojson", squares(SIDE))
    backbone = make_backbone(tmp_path / "sat")
    add_metadata(backbone)
    heard, features = set(), Published.features

    def hears(self, image, noise, checkpoint, metadata=None):
        heard.update([None] if metadata is None else map(tuple, metadata.tolist()))
        return features(self, image, noise, checkpoint, metadata)

    monkeypatch.setattr(Published, "features", hears)
    trained = train_on_labels(job(tmp_path, tmp_path / "model", backbone))
    assert heard == {tuple(scalars_of(raster(str(tmp_path / "scene.tif")).facts).tolist())}
    card = load_folder(trained.folder)[0].card
    assert card.needs_facts
    assert card.architecture.config["reading"]["metadata"] is True
    source = registry.resolve(str(trained.folder), "segment")
    request = Request(inputs={"image": str(tmp_path / "scene.tif")}, out=str(tmp_path / "map.tif"), threads=1)
    run(request, source)
    assert (tmp_path / "map.tif").is_file()
    # A run tells the same of the same scene.
    assert len(heard) == 1


def test_our_own_backbone_refuses_to_be_told(tmp_path):
    write_image(tmp_path / "scene.tif", two_kinds(SIDE, SIDE)[0], nodata=0)
    draw(tmp_path / "labels.geojson", squares(SIDE))
    with pytest.raises(ModelError, match="cannot be told the facts of a scene"):
        train_on_labels(job(tmp_path, tmp_path / "model", write_backbone(tmp_path / "terra")))
