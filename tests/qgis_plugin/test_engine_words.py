"""What the engine says comes in the words of the dialogs; each sentence that is known is still one of the engine's."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from seamline.qgis_plugin.engine_errors import ERRORS
from seamline.qgis_plugin.engine_fixes import FIXES
from seamline.qgis_plugin.engine_process import EngineError
from seamline.qgis_plugin.engine_words import in_words, worded

ROOT = Path(__file__).resolve().parents[2]
PAIRS = [each if isinstance(each, tuple) else (each, each) for each in (*ERRORS, *FIXES)]
TITLES = {"--bands": "Bands", "--steps": "Steps", "--overlap": "Overlap (px)", "ms": "Multispectral raster"}
TITLES["uncertainty"] = "Uncertainty"
COMMANDS = re.compile(r"--[a-z]|\bgdal|ogr2ogr|seamline [a-z]|\bpass\b")


def names(text):
    return sorted(set(re.findall(r"\{(\w+)\}", text)))


@cache
def said():
    """Every text in the engine's code, with a line between two."""
    found = []
    for folder in ("engine", "models", "training", "cli", "report", "api.py"):
        place = ROOT / folder
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return "\n".join(found)


@pytest.mark.parametrize(("engine", "ours"), PAIRS, ids=[engine for engine, _ in PAIRS])
def test_each_sentence_is_one_of_the_engine_and_keeps_what_it_names(engine, ours):
    pieces = [piece for piece in re.split(r"\{\w+\}", engine) if len(piece) > 3]
    assert pieces, "it says nothing of its own"
    # What stands between two names may be put together of several texts.
    missing = [piece for piece in pieces if piece not in said() and not all(w in said() for w in piece.split())]
    assert not missing, "the engine does not say so any more"
    assert set(names(ours)) <= set(names(engine))
    assert not COMMANDS.search(ours.replace("--{option}", "")), "these are words of the command line"


def test_no_sentence_is_noted_twice():
    engine = [re.sub(r"\{\w+\}", "{}", sentence) for sentence, _ in PAIRS]
    assert sorted(engine) == sorted(set(engine))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("choose bands with --bands", "choose that many under 'Bands'"),
        ("gsa takes 4 band(s) as ms, but it has 3", "gsa takes 4 band(s) as 'Multispectral raster', but it has 3"),
        ("60 steps", "60 steps are out of range"),
        ("ask for 1 to 50", "choose 1 to 50"),
        ("install it with: seamline models install", "set the engine up again in Settings > Options > Seamline"),
        ("--steps does nothing with the model gsa", "the model gsa takes no such setting: 'Steps'"),
        (
            "a sentence of a later version; --overlap, --unknown",
            "a sentence of a later version; 'Overlap (px)', --unknown",
        ),
        ("--also uncertainty=...", "'Uncertainty'"),
        ("", ""),
        ("a name with {braces}", "a name with {braces}"),
        ("it has no band {9}", "it has no band {9}"),
    ],
)
def test_a_sentence_is_put_in_the_words_of_a_dialog(text, expected):
    assert worded(text, TITLES) == expected


def test_an_error_is_put_in_words_part_by_part():
    error = EngineError("it has no band 9", where="/a/--bands.tif", fix="choose bands from 1 to 4 with --bands")
    said = in_words(error, {})
    assert (said.what, said.where, said.fix) == (
        "it has no band 9",
        "/a/--bands.tif",
        "choose bands from 1 to 4 under 'Bands'",
    )
