"""The pages on Python say what is so: their examples run, in order, on files of the names that they use."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from seamline import api
from seamline.engine import errors
from seamline.models.architectures import GROUP

DOCS = Path(__file__).resolve().parents[1] / "docs"
PYTHON, OWN_MODEL = DOCS / "reference" / "python.md", DOCS / "how-to" / "bring-your-own-model.md"


def blocks(page: Path, language: str) -> list[tuple[str, str]]:
    """(file name, text) of the examples of a page; a line with a name alone above one says in which file it stands."""
    found = re.findall(rf"(?:^`([\w./]+)`\n\n)?^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with ms.tif (4 bands, 2 m, scaled, with a masked corner) and pan.tif (0.5 m)."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(8)
    fine = rng.normal(0, 30, (4, 280, 240)).cumsum(axis=1).cumsum(axis=2)
    fine = 1500 + 900 * np.tanh(fine / fine.std())
    ms = fine.reshape(4, 70, 4, 60, 4).mean(axis=(2, 4)).astype(np.uint16)
    ms[:, :6, :9] = 0
    for name, values, size in (("ms.tif", ms, 2.0), ("pan.tif", fine.mean(axis=0, keepdims=True), 0.5)):
        with rasterio.open(
            name,
            "w",
            driver="GTiff",
            count=len(values),
            height=values.shape[1],
            width=values.shape[2],
            dtype="uint16",
            nodata=0,
            crs="EPSG:32633",
            transform=Affine(size, 0, 500_000, 0, -size, 5_000_000),
        ) as file:
            file.write(values.astype(np.uint16))
            if name == "ms.tif":
                file.scales, file.offsets = (1e-4,) * 4, (-0.1,) * 4
                file.descriptions = ("blue", "green", "red", "nir")
    return tmp_path


def test_the_examples_with_xarray_and_dask_run(here):
    (here / "lr.tif").write_bytes((here / "ms.tif").read_bytes())
    names: dict = {}
    for _, code in blocks(DOCS / "how-to" / "xarray.md", "python"):
        exec(code, names)
    with rasterio.open("fine.tif") as written:
        assert (written.count, *written.shape) == (4, 140, 120)
    assert names["means"].shape == (4,)


def test_the_examples_of_the_reference_run(here):
    names: dict = {}
    for _, text in blocks(PYTHON, "python"):
        exec(compile(text, PYTHON, "exec"), names)
    assert {"fused.tif", "sharper.tif", "deviations.tif", "stopped.tif"} <= {path.name for path in here.iterdir()}


def test_the_examples_of_a_model_of_ones_own_run(here, monkeypatch):
    monkeypatch.syspath_prepend(str(here))
    before = set(sys.modules)
    ((project, toml),) = blocks(OWN_MODEL, "toml")
    assert project == "pyproject.toml"
    # What an installer makes of it.
    points = tomllib.loads(toml)["project"]["entry-points"][GROUP]
    about = here / "my_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
    names: dict = {}
    try:
        for file, text in blocks(OWN_MODEL, "python"):
            if file:
                (here / file).parent.mkdir(exist_ok=True)
                (here / file).write_text(text)
            else:
                exec(compile(text, OWN_MODEL, "exec"), names)
    finally:
        for module in set(sys.modules) - before:
            if module.startswith("my_package"):
                del sys.modules[module]
    with rasterio.open("classes.tif") as classes, rasterio.open("scores.tif") as scores:
        numbers, known = classes.read(1), classes.dataset_mask() > 0
        assert scores.descriptions == ("water", "plants", "soil")
        assert np.array_equal(scores.read()[:, known].argmax(axis=0), numbers[known])
    assert set(np.unique(numbers[known])) == {0, 1, 2}


def test_the_reference_names_every_option_and_no_other():
    table = PYTHON.read_text().split("## Options")[1].split("## Errors")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(api.Options.__annotations__)


def test_the_reference_names_every_function_with_its_keywords():
    table = PYTHON.read_text().split("## Functions")[1].split("## What you may give")[0]
    described = dict(re.findall(r"^\| `(\w+)\(([^)]+)\)`", table, re.MULTILINE))
    assert set(described) == {"pansharpen", "superres", "segment", "classify", "batch"}
    for name, words in described.items():
        code = getattr(api, name).__code__
        own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        assert set(words.replace("**options", "").replace("*", "").split(", ")) - {""} == set(own)


def test_the_reference_names_every_error():
    table = PYTHON.read_text().split("## Errors")[1]
    named = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) - {"TypeError"}
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert named == {name for name in kinds if not name.endswith("Warning")} - {"SeamlineError"}
