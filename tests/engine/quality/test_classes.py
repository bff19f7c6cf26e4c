"""Scores of classes: what counts make of them, a map in strips as in one piece, classes matched by name or number."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image

from seamline.engine.errors import Cancelled, RequestError, RunError, SkippedLabelsWarning
from seamline.engine.events import Cancel
from seamline.engine.inputs.label_classes import UNLABELLED
from seamline.engine.inputs.labels import LabelRequest
from seamline.engine.quality import class_map
from seamline.engine.quality.class_map import evaluate_class_map, plan_class_map
from seamline.engine.quality.classes import ClassScores, LabelSetScores, confusion, label_set_scores
from seamline.engine.quality.confusion_picture import confusion_picture
from seamline.tests.engine.inputs.label_files import GRID, UTM, square, write_raster, write_shapes

NAMES = ("a", "b", "c")


def scores_of(truth, found, classes=3):
    truth, found = np.asarray(truth), np.asarray(found)
    return ClassScores(NAMES[:classes], confusion(truth, found, classes))


def test_what_is_labelled_and_found_nowhere_has_a_name():
    assert scores_of([0, 0, 1, 1], [0, 0, 0, 0]).never_found == ("b",)
    assert scores_of([0, 0, 1, 1], [0, 1, 0, 2]).never_found == ()


def test_a_confusion_matrix_counts_pairs_and_leaves_out_what_is_not_known():
    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 4, (30, 40)).astype(np.uint8), rng.integers(0, 3, (30, 40)).astype(np.uint8)
    truth[truth == 3] = UNLABELLED
    matrix = confusion(truth, found, 3)
    for i in range(3):
        for j in range(3):
            assert matrix[i, j] == np.count_nonzero((truth == i) & (found == j))
    np.testing.assert_array_equal(confusion(truth[:7], found[:7], 3) + confusion(truth[7:], found[7:], 3), matrix)
    minus = np.where(truth == UNLABELLED, -1, truth.astype(np.int16))
    np.testing.assert_array_equal(confusion(minus, found, 3, ignore=-1), matrix)


def test_scores_are_those_of_the_definition():
    truth, found = [0, 0, 0, 0, 1, 1, 2, 2, 2, 2], [0, 0, 0, 1, 1, 2, 2, 2, 2, 0]
    scores = scores_of(truth, found)
    assert scores.iou.tolist() == [3 / 5, 1 / 3, 3 / 5]
    assert scores.precision.tolist() == [3 / 4, 1 / 2, 3 / 4]
    assert scores.recall.tolist() == [3 / 4, 1 / 2, 3 / 4]
    assert scores.f1.tolist() == [3 / 4, 1 / 2, 3 / 4]
    assert scores.miou == pytest.approx((3 / 5 + 1 / 3 + 3 / 5) / 3)
    assert scores.macro_f1 == pytest.approx(2 / 3)
    assert (scores.accuracy, scores.pixels, scores.labelled.tolist()) == (0.7, 10, [4, 2, 4])


def test_f1_is_the_harmonic_mean_and_follows_from_iou():
    rng = np.random.default_rng(1)
    scores = ClassScores(NAMES, rng.integers(1, 50, (3, 3)))
    p, r = scores.precision, scores.recall
    np.testing.assert_allclose(scores.f1, 2 * p * r / (p + r))
    np.testing.assert_allclose(scores.f1, 2 * scores.iou / (1 + scores.iou))


def test_a_class_that_is_nowhere_has_no_score_and_one_that_is_wrongly_found_has_zero():
    nowhere = scores_of([0, 0, 1, 1], [0, 0, 1, 0])
    assert math.isnan(nowhere.iou[2])
    assert nowhere.miou == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert nowhere.plain()["classes"]["c"] == {"IoU": None, "F1": None, "precision": None, "recall": None, "px": 0}
    wrongly = scores_of([0, 0, 1, 1], [0, 0, 1, 2])
    assert (wrongly.iou[2], wrongly.precision[2]) == (0, 0)
    assert math.isnan(wrongly.recall[2])
    assert wrongly.miou == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert ClassScores(NAMES, np.zeros((3, 3), np.int64)).plain()["mIoU"] is None


def test_plain_scores_are_json():
    plain = scores_of([0, 1, 2, 2], [0, 1, 2, 1]).plain()
    assert json.loads(json.dumps(plain)) == plain
    assert list(plain) == ["mIoU", "accuracy", "macro_F1", "classes"]


def test_sets_of_classes_are_scored_together_and_one_by_one():
    truth = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0]], bool)
    found = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 0]], bool)
    scores = label_set_scores(truth, found, NAMES)
    assert (scores.hits.tolist(), scores.extra.tolist(), scores.missed.tolist()) == ([2, 1, 0], [0, 1, 1], [0, 1, 0])
    assert scores.f1.tolist() == [1, 0.5, 0]
    assert scores.micro_f1 == 2 * 3 / (2 * 3 + 2 + 1)
    assert scores.macro_f1 == 0.5
    plain = scores.plain()
    assert (list(plain), plain["classes"]["b"]["px"]) == (["micro_F1", "macro_F1", "classes"], 2)
    nothing = LabelSetScores(NAMES, *np.zeros((3, 3), np.int64))
    assert nothing.plain()["micro_F1"] is None


def test_where_each_sample_has_one_class_micro_f1_is_the_accuracy():
    rng = np.random.default_rng(2)
    truth, found = rng.integers(0, 3, 100), rng.integers(0, 3, 100)
    sets = label_set_scores(truth[:, None] == np.arange(3), found[:, None] == np.arange(3), NAMES)
    assert sets.micro_f1 == pytest.approx(scores_of(truth, found).accuracy)
    np.testing.assert_allclose(sets.f1, scores_of(truth, found).f1)


# The picture.


def test_the_picture_of_a_confusion_matrix_is_darker_where_more_is(tmp_path):
    path = tmp_path / "c.png"
    confusion_picture(np.array([[90, 10], [0, 0]]), ["wood", "Gebäude, sehr lang und breit gezogen"], path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        grey = np.asarray(picture.convert("L"), float)
    side, gap = 56, 10
    cells = grey[-2 * side - gap : -gap, -2 * side - gap : -gap]
    corners = [cells[5 + side * i : 12 + side * i, 5 + side * j : 12 + side * j].mean() for i in (0, 1) for j in (0, 1)]
    assert corners[0] < corners[1] - 100
    assert corners[1] < corners[2] == corners[3]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("count", [1, 40, 255])
def test_a_picture_of_many_classes_stays_of_a_size_that_can_be_shown(tmp_path, count):
    confusion_picture(np.eye(count, dtype=np.int64), [f"class {i}" for i in range(count)], tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as picture:
        assert max(picture.size) < 2500


def test_a_picture_that_cannot_be_written_is_told_in_a_sentence(tmp_path):
    with pytest.raises(RunError, match="it cannot be written"):
        confusion_picture(np.eye(2, dtype=np.int64), ["a", "b"], tmp_path / "nowhere" / "c.png")


# Maps.


def class_file(path, values, names=None, **more):
    write_raster(path, values, **{"nodata": 255} | more)
    if names is not None:
        with rasterio.open(path, "r+") as file:
            file.update_tags(SEAMLINE_CLASSES=json.dumps(names))
    return str(path)


class Heard:
    """A listener that remembers."""

    def __init__(self):
        self.events = []

    def emit(self, event, **fields):
        self.events.append((event, fields))

    @property
    def warned(self):
        return [fields["what"] for event, fields in self.events if event == "warning"]


def score(path, labels, listener=None, **more):
    return evaluate_class_map(plan_class_map(str(path), LabelRequest(str(labels), **more)), listener=listener)


@pytest.fixture
def fields(tmp_path):
    """Squares of 16 cells: (path, truth on ``GRID`` by the order a, b)."""
    shapes = [square(3, 4), square(20, 10), square(40, 30)]
    truth = np.full(GRID.shape, UNLABELLED, np.uint8)
    truth[4:8, 3:7], truth[10:14, 20:24], truth[30:34, 40:44] = 0, 1, 0
    return write_shapes(tmp_path / "fields.gpkg", shapes, kind=["a", "b", "a"]), truth


def test_a_map_is_scored_where_it_has_labels_by_the_names_of_its_classes(tmp_path, fields):
    path, truth = fields
    found = np.random.default_rng(0).integers(0, 3, GRID.shape).astype(np.uint8)
    result = score(class_file(tmp_path / "map.tif", found, ["b", "x", "a"]), path, field="kind")
    expected = confusion(np.array([2, 0] + [255] * 254, np.uint8)[truth], found, 3)
    assert (result.scores.names, result.scores.pixels, result.unmapped) == (("b", "x", "a"), 48, 0)
    np.testing.assert_array_equal(result.scores.matrix, expected)


@pytest.mark.parametrize("strip", [7, 32, 1000])
def test_strips_change_no_count(tmp_path, fields, strip, monkeypatch):
    path, _ = fields
    found = np.random.default_rng(0).integers(0, 2, GRID.shape).astype(np.uint8)
    found[:, 22] = 255
    map_file = class_file(tmp_path / "map.tif", found, ["a", "b"])
    whole = score(map_file, path, field="kind", rest="a")
    monkeypatch.setattr(class_map, "_STRIP", strip)
    np.testing.assert_array_equal(score(map_file, path, field="kind", rest="a").scores.matrix, whole.scores.matrix)
    assert whole.scores.pixels == 2400 - 40


def test_what_the_map_masks_does_not_count_and_is_told(tmp_path, fields):
    path, truth = fields
    found = np.where(truth == UNLABELLED, 0, truth).astype(np.uint8)
    found[4:8, 3:6] = 255
    heard = Heard()
    result = score(class_file(tmp_path / "map.tif", found, ["a", "b"]), path, heard, field="kind")
    map_file = tmp_path / "map.tif"
    assert heard.warned == [f"{map_file}: 12 labelled pixels do not count, for the map holds no data there"]
    assert (result.unmapped, result.scores.pixels, result.scores.accuracy) == (12, 36, 1.0)


def test_without_names_classes_are_the_same_by_number(tmp_path):
    squares = [square(3, 4), square(20, 10), square(40, 30)]
    labels = write_shapes(tmp_path / "a.gpkg", squares, kind=[7, 2, 2])
    found = np.full(GRID.shape, 2, np.uint8)
    found[4:6, 3:7] = 7
    found[10:12, 20:24] = 3
    result = score(class_file(tmp_path / "map.tif", found), labels, field="kind")
    assert result.scores.names == ("2", "3", "7")
    assert result.scores.matrix.tolist() == [[24, 8, 0], [0, 0, 0], [8, 0, 8]]
    # All other ground is what maps call 0.
    result = score(class_file(tmp_path / "rest.tif", found), labels, field="kind", rest="other")
    assert result.scores.names == ("other", "2", "3", "7")
    assert result.scores.matrix[0].tolist() == [0, 2400 - 48, 0, 0]


def test_without_numbers_on_either_side_the_order_of_the_labels_counts(tmp_path, fields):
    path, truth = fields
    found = np.where(truth == UNLABELLED, 0, truth + 1).astype(np.uint8)
    result = score(class_file(tmp_path / "map.tif", found), path, field="kind", rest="other")
    assert (result.scores.names, result.scores.accuracy) == (("other", "a", "b"), 1.0)


def test_numbers_of_labels_are_values_of_a_map_with_names(tmp_path):
    found = np.random.default_rng(0).integers(0, 2, GRID.shape).astype(np.uint8)
    labels = write_raster(tmp_path / "labels.tif", found)
    result = score(class_file(tmp_path / "map.tif", found, ["wood", "water"]), labels)
    assert (result.scores.names, result.scores.accuracy) == (("wood", "water"), 1.0)


def test_numbers_beyond_the_names_of_a_map_are_classes_that_it_does_not_know(tmp_path):
    labels = write_shapes(tmp_path / "a.gpkg", [square(3, 4), square(20, 10), square(40, 30)], kind=[0, 1, 5])
    map_file = class_file(tmp_path / "map.tif", np.zeros(GRID.shape, np.uint8), ["wood", "water"])
    with pytest.warns(SkippedLabelsWarning, match="its labels of 5 do not count"):
        assert score(map_file, labels, field="kind").scores.pixels == 32


def test_labels_of_classes_that_the_map_does_not_know_do_not_count(tmp_path):
    squares = [square(3, 4), square(20, 10), square(40, 30)]
    labels = write_shapes(tmp_path / "a.gpkg", squares, kind=["a", "b", "zoo"])
    map_file = class_file(tmp_path / "map.tif", np.zeros(GRID.shape, np.uint8), ["a", "b"])
    with pytest.warns(SkippedLabelsWarning, match="its labels of zoo do not count, for the map has no such class"):
        assert score(map_file, labels, field="kind").scores.pixels == 32
    with pytest.raises(RequestError, match=r"of its classes \(a, b, zoo\) the map \(x, y\) has none; name another"):
        score(class_file(tmp_path / "other.tif", np.zeros(GRID.shape, np.uint8), ["x", "y"]), labels, field="kind")
    # With one class in common nothing could be wrong.
    with pytest.raises(RequestError, match=r"the map \(b, y\) has b alone"):
        score(class_file(tmp_path / "one.tif", np.zeros(GRID.shape, np.uint8), ["b", "y"]), labels, field="kind")


def test_what_is_no_map_of_classes_is_refused(tmp_path, fields):
    path, _ = fields
    zeros = np.zeros(GRID.shape, np.uint8)
    for values, said in (
        (zeros.astype(np.float32), r"1 band\(s\) of float32, and a map of classes has one of whole numbers"),
        (np.stack([zeros] * 3), r"3 band\(s\) of uint8"),
    ):
        with pytest.raises(RequestError, match=said):
            score(write_raster(tmp_path / "map.tif", values), path, field="kind")
    for values, names, said in (
        (zeros + np.uint8(2), ["a", "b"], "it holds the number 2, but names 2 classes"),
        (zeros + np.uint16(700), None, "it holds the number 700, but may number classes from 0 to 254"),
        (zeros - np.int16(5), None, "it holds the number -5"),
    ):
        with pytest.raises(RequestError, match=said):
            score(class_file(tmp_path / "map.tif", values, names), path, field="kind")
    with pytest.raises(RequestError, match="no pixel has both a class and a label"):
        score(class_file(tmp_path / "map.tif", zeros + np.uint8(255), ["a", "b"]), path, field="kind")


def test_a_map_of_patches_is_asked_at_the_middle_of_each(tmp_path, fields):
    path, _ = fields
    patches = GeoBox((10, 15), GRID.affine * Affine.scale(4), UTM)
    found = np.zeros(patches.shape, np.uint8)
    found[3, 5] = 1
    result = score(class_file(tmp_path / "map.tif", found, ["a", "b"], transform=patches.affine), path, field="kind")
    assert result.scores.labelled.sum() == result.scores.pixels == 3


def test_progress_is_told_and_a_cancel_is_heard(tmp_path, fields, monkeypatch):
    path, _ = fields
    monkeypatch.setattr(class_map, "_STRIP", 8)
    plan = plan_class_map(
        class_file(tmp_path / "map.tif", np.zeros(GRID.shape, np.uint8), ["a", "b"]), LabelRequest(path, "kind")
    )
    assert plan.summary() == {"labels": {"path": path, "classes": {"a": 2, "b": 1}, "size": [60, 40]}}
    cancel = Cancel()

    class Impatient(Heard):
        def emit(self, event, **fields):
            super().emit(event, **fields)
            if fields["done"] == 2:
                cancel.set()

    impatient = Impatient()
    with pytest.raises(Cancelled):
        evaluate_class_map(plan, listener=impatient, cancel=cancel)
    assert [fields["done"] for _, fields in impatient.events] == [1, 2]
