"""The notebooks of the documentation run anywhere, and what they store is what they show."""

from __future__ import annotations

import json
import re

import pytest

from seamline.tests.code_blocks import DOCS
from seamline.tools.notebooks import FOLDER, code_cells, run

pytest.importorskip("matplotlib").use("Agg")

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def shown(outputs):
    """Kinds of what a cell shows, and what it prints, but for numbers."""
    return [
        sorted(output["data"]) if "data" in output else re.sub(r"[\d.]+", "#", "".join(output["text"])).split()
        for output in outputs
    ]


@each_notebook
def test_a_notebook_runs_and_shows_what_it_stores(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = code_cells(path)
    # The last cell holds what the text claims.
    assert "".join(cells[-1]["source"]).count("assert ") >= 2
    for cell, outputs in zip(cells, run(cells, path.name), strict=True):
        assert shown(cell["outputs"]) == shown(outputs), "store it anew: python -m seamline.tools.notebooks"


@each_notebook
def test_what_is_stored_is_small_and_names_no_machine(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 300_000
    notebook = json.loads(text)
    assert (notebook["nbformat"], notebook["metadata"].keys()) == (4, {"kernelspec", "language_info"})
    plain = json.dumps(
        [
            output
            for cell in notebook["cells"]
            for output in cell.get("outputs", ())
            if "image/png" not in output.get("data", ())
        ]
    )
    assert not re.search(r"(?<![\w.])/(?!\w*>)\w+/|[A-Z]:\\\\|\d{4}-\d\d-\d\d", plain)
    assert any("image/png" in output.get("data", ()) for cell in code_cells(path) for output in cell["outputs"])


def test_every_notebook_is_on_the_page():
    linked = re.findall(r"\]\(\.\./notebooks/([\w-]+)\.ipynb\)", (DOCS / "how-to" / "notebooks.md").read_text())
    assert sorted(linked) == sorted(path.stem for path in NOTEBOOKS)
