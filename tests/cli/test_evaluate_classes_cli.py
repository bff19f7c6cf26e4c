"""``seamline evaluate MAP --labels``: its tables, its event, its picture, and what it refuses."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner

from seamline.cli.group import cli
from seamline.tests.engine.inputs.label_files import GRID, square, write_raster, write_shapes


@pytest.fixture
def ask(capfd):
    """A function that runs ``evaluate`` and returns its exit code, standard output and standard error."""

    def run(*words):
        capfd.readouterr()
        result = CliRunner().invoke(cli, ["evaluate", *map(str, words)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, capfd.readouterr().out + result.stdout, result.stderr

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A map that is right but for one of 32 labelled pixels, and labels for it."""
    place = tmp_path_factory.mktemp("classes")
    shapes = [square(3, 4), square(20, 10)]
    write_shapes(place / "labels.gpkg", shapes, crop=["wheat", "maize"], number=[1, 0], one=["x", "x"])
    found = np.zeros(GRID.shape, np.uint8)
    found[4:8, 3:7] = 1
    found[4, 3] = 0
    write_raster(place / "map.tif", found)
    write_raster(place / "names.tif", found, nodata=255)

    with rasterio.open(place / "names.tif", "r+") as file:
        file.update_tags(SEAMLINE_CLASSES='["maize", "wheat"]')
    return place


def test_tables_for_people(ask, folder):
    code, out, err = ask(folder / "names.tif", "--labels", folder / "labels.gpkg", "--class-field", "crop")
    assert (code, err.strip()) == (0, "")
    for name, value in {
        "mIoU": (16 / 17 + 15 / 16) / 2,
        "accuracy": 31 / 32,
        "macro_F1": (32 / 33 + 30 / 31) / 2,
    }.items():
        assert re.search(rf"{name}\s*│\s*{value:.6g}\s*│\s*1\s*│\s*│\s*labels", out), name
    rows = {"maize": (16 / 17, 32 / 33, 16 / 17, 1.0, 16), "wheat": (15 / 16, 30 / 31, 1.0, 15 / 16, 16)}
    for name, (*shares, pixels) in rows.items():
        cells = [*(f"{share:.4f}" for share in shares), str(pixels)]
        assert re.search(rf"{name}\s*│\s*" + r"\s*│\s*".join(map(re.escape, cells)), out), name


def test_one_event_for_programs_and_a_picture(ask, folder, tmp_path):
    picture = tmp_path / "c.png"
    words = ("--class-field", "crop", "--rest", "maize", "--confusion", picture, "--json")
    code, out, _ = ask(folder / "names.tif", "--labels", folder / "labels.gpkg", *words)
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [event["event"] for event in events] == ["start", "progress", "done"]
    assert events[0]["labels"]["classes"] == {"maize": 1, "wheat": 1}
    done = events[-1]
    assert done["confusion"] == {"classes": ["maize", "wheat"], "pixels": [[2400 - 16, 0], [1, 15]]}
    assert done["metrics"]["classes"]["wheat"] == {
        "IoU": 15 / 16,
        "F1": 30 / 31,
        "precision": 1.0,
        "recall": 15 / 16,
        "px": 16,
    }
    assert done["metrics"]["accuracy"] == 2399 / 2400
    assert (done["pixels"], done["unmapped"]) == (2400, 0)
    assert done["about"]["mIoU"] == {"best": 1.0, "unit": "", "against": "labels", "at_most": None}
    assert done["outputs"] == [str(picture)]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_numbers_and_what_is_ignored(ask, folder):
    words = (folder / "map.tif", "--labels", folder / "labels.gpkg", "--class-field", "number", "--json")
    done = json.loads(ask(*words)[1].splitlines()[-1])
    assert done["confusion"] == {"classes": ["0", "1"], "pixels": [[16, 0], [1, 15]]}
    code, _, err = ask(*words[:-1], "--ignore", "1")
    assert code == 2
    assert "all labels are of one class, 0; pass --rest NAME" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "--class-field crops",
            "it has no column crops; its columns are crop, number, one; name one with --class-field",
        ),
        ("--class-field one", "all labels are of one class, x; pass --rest NAME"),
        ("--class-field crop --layer x", "it holds the layers labels, but no x; name one of them with --layer"),
        ("--class-field crop --rest ''", "--rest: the name is empty"),
        ("--class-field crop --confusion c.jpg", "--confusion: c.jpg is no PNG file; name one that ends in .png"),
        ("--class-field crop --confusion nowhere/c.png", "nowhere/c.png: its folder does not exist"),
        ("--pan a.tif", "--pan: it was given with --labels, which score a map of classes; leave it out"),
        ("--rim 3", "--rim: it was given with --labels"),
        ("--as-released", "--as-released: it was given with --labels"),
        ("--device cpu", "--device: it was given with --labels"),
    ],
)
def test_odd_requests_are_refused_in_a_sentence(ask, folder, words, said):
    given = [word.strip("'") for word in words.split()]
    code, out, err = ask(folder / "map.tif", "--labels", folder / "labels.gpkg", *given)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("option", ["--class-field", "--layer", "--rest", "--confusion", "--ignore"])
def test_options_of_labels_need_labels(ask, folder, option):
    code, _, err = ask(folder / "map.tif", "--reference", folder / "map.tif", option, "1")
    assert code == 2
    assert f"{option}: it was given without --labels; pass --labels too" in err


def test_a_map_must_be_named(ask, folder):
    code, _, err = ask("--labels", folder / "labels.gpkg")
    assert code == 2
    assert "MAP: it is missing; name the map of classes to evaluate" in err


def test_the_picture_replaces_no_input(ask, folder, tmp_path):
    labels = tmp_path / "labels.png"
    labels.write_bytes((folder / "labels.gpkg").read_bytes())
    code, _, err = ask(folder / "map.tif", "--labels", labels, "--class-field", "crop", "--confusion", labels)
    assert code == 2
    assert "--confusion: it is the map or the labels; name another file" in err
    assert labels.read_bytes() == (folder / "labels.gpkg").read_bytes()
