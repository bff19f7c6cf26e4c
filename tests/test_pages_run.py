"""The pages say what is so: their blocks run, in order, on files of the names that they use, or say why they do not."""

from __future__ import annotations

import csv
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import click
import numpy as np
import pytest
import rasterio
import torch
import yaml
from affine import Affine
from click.testing import CliRunner

import seamline
from seamline import api
from seamline.batches.job_list import read_job_list
from seamline.cli.group import cli
from seamline.cli.rows import jobs_of
from seamline.engine import errors
from seamline.models.architectures import GROUP
from seamline.tests.code_blocks import DOCS, PAGES, ROOT, Block, blocks
from seamline.training.reading import read_recipe

PYTHON, OWN_MODEL = DOCS / "reference" / "python.md", DOCS / "how-to" / "bring-your-own-model.md"
LANGUAGES = {"", "bash", "text", "python", "csv", "json", "yaml", "toml"}
# What is not run, by page; each says why in a comment above it.
UNRUN = {
    "README.md": 2,
    "CONTRIBUTING.md": 1,
    "docs/concepts/base-model.md": 1,
    "docs/how-to/adapt.md": 2,
    "docs/how-to/app.md": 1,
    "docs/how-to/batch.md": 1,
    "docs/how-to/convert.md": 5,
    "docs/how-to/deliveries.md": 1,
    "docs/how-to/extents.md": 1,
    "docs/how-to/qgis.md": 1,
    "docs/how-to/remote.md": 3,
    "docs/how-to/resume.md": 1,
    "docs/how-to/sentinel2.md": 2,
    "docs/how-to/set-up-qgis.md": 2,
    "docs/how-to/shards.md": 4,
    "docs/how-to/train-on-labels.md": 1,
    "docs/reference/metrics.md": 1,
    "docs/reference/perceptual.md": 2,
    "docs/training/train-salad-pan.md": 1,
    "docs/training/train-slimdiffsr.md": 1,
    "docs/training/training-data.md": 3,
    "docs/tutorial.md": 1,
}

each_page = pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page)], ids=lambda page: str(page.relative_to(ROOT))
)


# -- files of the names that the pages use ----------------------------------------------------------------------------


def put(name: str, values: np.ndarray, size: float, **more) -> None:
    """Write a raster of pixels of that size, m, whose corner is that of all others."""
    Path(name).parent.mkdir(exist_ok=True)
    shape = {"count": len(values), "height": values.shape[1], "width": values.shape[2], "dtype": values.dtype}
    place = {"crs": "EPSG:32633", "transform": Affine(size, 0, 500_000, 0, -size, 5_000_000)}
    with rasterio.open(name, "w", driver="GTiff", **shape, **place, **more) as file:
        file.write(values)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with ms.tif (4 bands, 2 m, scaled, with a masked corner) and pan.tif (0.5 m), and others."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(8)
    fine = rng.normal(0, 30, (4, 280, 240)).cumsum(axis=1).cumsum(axis=2)
    fine = 1500 + 900 * np.tanh(fine / fine.std())
    ms = fine.reshape(4, 70, 4, 60, 4).mean(axis=(2, 4)).astype(np.uint16)
    pan = fine.mean(axis=0, keepdims=True).astype(np.uint16)
    for number, band in enumerate(ms):
        put(f"B0{number + 2}.tif", band[None], 2.0)
    put("B08.tif", pan, 0.5)
    halved = ms[:2].reshape(2, 35, 2, 30, 2).mean(axis=(2, 4)).astype(np.uint16)
    for name, band in zip(("B05.tif", "B11.tif"), halved, strict=True):
        put(name, band[None], 4.0)
    put("photo.tif", (fine[:3] / 10).astype(np.uint8), 0.5)
    put("2019.tif", fine.astype(np.uint16), 0.5)
    put("stack.tif", ms, 2.0)
    ms[:, :6, :9] = 0
    put("ms.tif", ms, 2.0, nodata=0)
    with rasterio.open("ms.tif", "r+") as file:
        file.scales, file.offsets = (1e-4,) * 4, (-0.1,) * 4
        file.descriptions = ("blue", "green", "red", "nir")
    put("pan.tif", pan, 0.5, nodata=0)
    Path("in").mkdir()
    Path("out").mkdir()
    copies = {
        "ms.tif": (
            "lr.tif",
            "scene.tif",
            "today.tif",
            "a_ms.tif",
            "b_ms.tif",
            "in/a_ms.tif",
            "in/b_ms.tif",
            "in/a.tif",
        ),
        "pan.tif": ("a_pan.tif", "b_pan.tif", "in/a_pan.tif", "in/b_pan.tif"),
        "photo.tif": ("chips.tif",),
        "B02.tif": ("in/B02.tif",),
        "B03.tif": ("in/B03.tif",),
    }
    for name, places in copies.items():
        for place in places:
            Path(place).write_bytes(Path(name).read_bytes())
    return tmp_path


def of_a_batch() -> dict:
    for block in blocks(DOCS / "how-to" / "batch.md"):
        if block.language in ("csv", "json", "yaml"):
            Path(f"jobs.{block.language}").write_text(block.text)
    return {}


def of_own_models() -> dict:
    """What an installer makes of the package."""
    (project,) = [block for block in blocks(OWN_MODEL) if block.language == "toml"]
    assert project.file == "pyproject.toml"
    points = tomllib.loads(project.text)["project"]["entry-points"][GROUP]
    about = Path("my_package-1.0.dist-info")
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
    return {}


def of_perceptual_metrics() -> dict:
    """Stand-ins for the published files and networks."""
    rng = np.random.default_rng(3)
    Path("FOLDER").mkdir()
    torch.save({"features.0.weight": torch.ones(2, 3, 3, 3)}, "vgg16-397923af.pth")
    np.savez("niqe_pris_params.npz", mu_pris_param=rng.random((1, 36)), cov_pris_param=np.eye(36))
    for number in range(3):
        put(f"sharp/{number}.tif", rng.integers(0, 255, (3, 480, 480), np.uint8), 0.5)
    image = rng.integers(0, 2047, (3, 300, 320)).astype(np.uint16)
    return {
        "extractor": lambda images: images.mean(dim=(2, 3)),
        "network": lambda images: images.mean(dim=(1, 2, 3)),
        "fused": image,
        "reference": image[:, ::-1].copy(),
    }


def of_pancollection() -> dict:
    """Two files as PanCollection has them."""
    h5py = pytest.importorskip("h5py")
    for name, bands in (("train_gf2.h5", 4), ("train_wv3.h5", 8)):
        truth = np.random.default_rng(bands).uniform(10, 900, (2, bands, 64, 64))
        ms = truth.reshape(2, bands, 16, 4, 16, 4).mean((3, 5))
        stored = {"gt": truth, "ms": ms, "lms": ms.repeat(4, 2).repeat(4, 3), "pan": truth.mean(1, keepdims=True)}
        with h5py.File(name, "w") as file:
            for key, values in stored.items():
                file.create_dataset(key, data=values)
    return {}


# What a page takes for there beside the files above: files that it names, and values by their names.
GIVEN = {
    "docs/how-to/batch.md": of_a_batch,
    "docs/how-to/bring-your-own-model.md": of_own_models,
    "docs/reference/perceptual.md": of_perceptual_metrics,
    "docs/training/add-a-system.md": lambda: {"__name__": "gain", "__package__": "seamline.training.gain"},
    "docs/training/degrade.md": lambda: {"hr": torch.rand(2, 3, 32, 32), "seed": 1},
    "docs/training/training-data.md": of_pancollection,
}


# -- what pages leave ------------------------------------------------------------------------------------------


def of_arrays(names: dict) -> None:
    with rasterio.open("fine.tif") as written:
        assert (written.count, *written.shape) == (4, 140, 120)
    assert names["means"].shape == (4,)


def of_the_reference(names: dict) -> None:
    assert all(Path(name).is_file() for name in ("fused.tif", "sharper.tif", "deviations.tif", "stopped.tif"))


def of_a_model_of_ones_own(names: dict) -> None:
    with rasterio.open("classes.tif") as classes, rasterio.open("scores.tif") as scores:
        numbers, known = classes.read(1), classes.dataset_mask() > 0
        assert scores.descriptions == ("water", "plants", "soil")
        assert np.array_equal(scores.read()[:, known].argmax(axis=0), numbers[known])
    assert set(np.unique(numbers[known])) == {0, 1, 2}


LEFT = {
    "docs/how-to/bring-your-own-model.md": of_a_model_of_ones_own,
    "docs/how-to/xarray.md": of_arrays,
    "docs/reference/python.md": of_the_reference,
}


# -- blocks ------------------------------------------------------------------------------------------


def seamline_words(command: str) -> list[str] | None:
    """What a command gives to the program; None where it is none of its."""
    words = shlex.split(re.sub(r"\$\{?\w+\}?", "1", command))
    while words and re.fullmatch(r"\w+=\S*", words[0]):
        words.pop(0)
    return words[1:] if words and words[0] in ("seamline", ".venv/bin/seamline") else None


def parsed(words: list[str]) -> click.Context:
    """The context of the command that the words name, its options parsed; a word that it does not know raises."""
    command, context = cli, click.Context(cli, info_name="seamline")
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(context, words)
        context = click.Context(command, parent=context, info_name=name)
    return command.make_context(context.info_name, list(words), parent=context.parent)


def run_commands(block: Block) -> None:
    """Run the commands of a block; what one has written may be written by the next."""
    for command in block.commands:
        words = seamline_words(command)
        assert words is not None, f"{block.where}: {command}: only commands of the program are run; say why it is not"
        given = parsed(words).params
        for written in (
            *(given.get(name) for name in ("out", "uncertainty", "trust")),
            *dict(given.get("also") or ()).values(),
        ):
            if written is not None and Path(written).is_file():
                Path(written).unlink()
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, f"{block.where}: {command}: {done.output}"


def run_page(page: Path, names: dict) -> dict:
    """Run the blocks of a page in order; what its Python has defined."""
    for block in blocks(page):
        if block.unrun:
            continue
        if block.is_shell:
            run_commands(block)
        elif block.language == "python" and block.file:
            Path(block.file).parent.mkdir(exist_ok=True)
            Path(block.file).write_text(block.text)
        elif block.language == "python":
            exec(compile("\n" * block.line + block.text, page, "exec"), names)
    return names


@pytest.fixture
def ran(here, monkeypatch):
    """A function that runs a page in the folder ``here`` and gives back what its Python has defined."""
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.delenv("SEAMLINE_DATA", raising=False)
    before = set(sys.modules)

    def run(page: Path) -> dict:
        return run_page(page, GIVEN.get(str(page.relative_to(ROOT)), dict)())

    yield run
    for module in set(sys.modules) - before:
        if module.startswith("my_package"):
            del sys.modules[module]


@each_page
def test_every_block_is_of_a_kind_that_is_tried(page):
    assert {block.language for block in blocks(page)} <= LANGUAGES


def test_the_blocks_that_are_not_run_are_counted():
    unrun = Counter(str(block.page.relative_to(ROOT)) for page in PAGES for block in blocks(page) if block.unrun)
    assert unrun == UNRUN


@each_page
def test_what_a_shell_is_given_is_its_language(page):
    text = "\n".join(block.text for block in blocks(page) if block.is_shell)
    read = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


@each_page
def test_commands_have_the_arguments_and_options_that_the_program_knows(page):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for block in blocks(page):
        for command in block.commands if block.is_shell else ():
            if (words := seamline_words(command)) is not None:
                parsed(words)
            elif command.startswith("make "):
                assert command.split()[1] in targets


@each_page
def test_python_is_python_and_data_are_what_their_readers_take(page, tmp_path):
    for block in blocks(page):
        if block.language == "python":
            compile(block.text, block.where, "exec")
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "yaml":
            assert yaml.safe_load(block.text)
        elif block.language == "toml":
            assert tomllib.loads(block.text)
        elif block.language == "csv":
            assert len({len(row) for row in csv.reader(block.text.splitlines())}) == 1


@each_page
def test_the_blocks_of_a_page_run(ran, page):
    names = ran(page)
    LEFT.get(str(page.relative_to(ROOT)), lambda _: None)(names)


def test_the_job_lists_are_read(here):
    of_a_batch()
    for kind in ("csv", "json", "yaml"):
        assert jobs_of(read_job_list(Path(f"jobs.{kind}")), {})


def test_the_recipe_for_labels_is_read(here):
    (recipe,) = [b for b in blocks(DOCS / "how-to" / "train-on-labels.md") if b.language == "yaml"]
    Path("my-fields.yaml").write_text(recipe.text)
    assert read_recipe(Path("my-fields.yaml")).name == "my-fields"


# -- the reference of Python ------------------------------------------------------------------------------------------


def test_the_reference_names_every_option_and_no_other():
    table = PYTHON.read_text().split("## Options")[1].split("## Errors")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(api.Options.__annotations__)


def test_the_reference_names_every_function_with_its_keywords():
    table = PYTHON.read_text().split("## Functions")[1].split("## What you may give")[0]
    described = dict(re.findall(r"^\| `(\w+)\(([^)]+)\)`", table, re.MULTILINE))
    assert set(described) == set(seamline._PUBLIC)
    for name, words in described.items():
        code = getattr(seamline, name).__code__
        own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        assert set(words.replace("**options", "").replace("*", "").split(", ")) - {""} == set(own)


def test_the_reference_names_every_error():
    table = PYTHON.read_text().split("## Errors")[1]
    named = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) - {"TypeError"}
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert named == {name for name in kinds if not name.endswith("Warning")} - {"SeamlineError"}
