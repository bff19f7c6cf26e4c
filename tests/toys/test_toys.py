"""Four small models of other packages keep every promise of the engine, through the command line and from Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from click.testing import CliRunner
from rasterio.transform import from_origin
from rasterio.warp import Resampling, reproject, transform

import seamline
from seamline import api
from seamline.cli.group import cli
from seamline.engine.contract import Runtime
from seamline.engine.errors import Cancelled, ModelError, RequestError
from seamline.engine.events import Cancel
from seamline.engine.ground.grids import Window
from seamline.engine.output.workspace import Workspace
from seamline.engine.request import Request
from seamline.engine.run import Shard, merge, plan_run, run
from seamline.engine.testing import assert_is_crop, assert_same_pixels
from seamline.models import folder as folders
from seamline.models import registry
from seamline.tests.bounds import assert_same_but_rounding
from seamline.tests.toys import packaged

ROOT = Path(__file__).resolve().parents[2]
HEIGHT, WIDTH = 210, 170
HOLE = slice(60, 95), slice(30, 75)
LEFT, TOP, GSD = 500_000.0, 5_000_000.0, 2.0


@dataclass(frozen=True)
class Toy:
    """A toy as it is run.

    Attributes:
        task: the command.
        name: of the model.
        folder: of the model.
        image: the main input.
        guides: the others, by name.
        also: names of its further outputs.
    """

    task: str
    name: str
    folder: str
    image: str
    guides: Mapping[str, str]
    also: tuple[str, ...]

    def run(self, out: Path, *, also: bool = True, image: str | None = None, guides=None, how=None, **options):
        """Run it through what every door calls; further outputs lie beside ``out`` under their names."""
        inputs = {"image": image or self.image, **(self.guides if guides is None else guides)}
        wanted = {name: str(beside(out, name)) for name in self.also} if also else {}
        request = Request(inputs=inputs, out=str(out), also=wanted, seed=3, threads=1, **options)
        return api.run_request(request, self.task, self.folder, **(how or {}))

    def command(self, out: Path) -> list[str]:
        """The same as a command line."""
        words = [self.task, self.image, str(out), "--model", self.folder, "--seed", "3", "--threads", "1"]
        for name, path in self.guides.items():
            words += ["--guide", f"{name}={path}"]
        for name in self.also:
            words += ["--also", f"{name}={beside(out, name)}"]
        return [*words, "--device", "cpu"]

    def assert_same(self, out: Path, expected: Path) -> None:
        """All outputs hold the same bits."""
        assert_same_pixels(out, expected)
        for name in self.also:
            assert_same_pixels(beside(out, name), beside(expected, name))


def beside(out: Path, name: str) -> Path:
    return out.with_name(f"{out.stem}-{name}.tif")


def write(path: Path, values, *, transform, crs, nodata=0) -> str:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=len(values),
        height=values.shape[1],
        width=values.shape[2],
        dtype=values.dtype,
        crs=crs,
        transform=transform,
        nodata=nodata,
    ) as file:
        file.write(values)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("toys")


@pytest.fixture(scope="module")
def image(folder):
    """Four bands of 210 x 170 px at 2 m, smooth, with a hole."""
    rng = np.random.default_rng(4)
    values = rng.normal(0, 60, (4, HEIGHT, WIDTH)).cumsum(axis=1).cumsum(axis=2) / 20
    values = 1500 + 700 * np.tanh(values / values.std())
    values[:, *HOLE] = 0
    return write(
        folder / "image.tif", values.astype(np.uint16), transform=from_origin(LEFT, TOP, GSD, GSD), crs="EPSG:32633"
    )


@pytest.fixture(scope="module")
def reference(folder):
    """One band at 0.7 m or so in another zone: it misses the west of the image, and has a hole."""
    rng = np.random.default_rng(5)
    values = rng.integers(20, 220, (1, 900, 700), dtype=np.uint8)
    values[0, 250:330, 150:300] = 0
    (x,), (y,) = transform("EPSG:32633", "EPSG:32632", [LEFT + 90.0], [TOP + 40.0])
    return write(folder / "reference.tif", values, transform=from_origin(x, y, 0.7, 0.7), crs="EPSG:32632")


@pytest.fixture(scope="module")
def models(folder):
    """The model folders, with the package of their architectures on Python's path, for child processes too."""
    packaged.install(folder / "site")
    (folder / "models").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder / "site"))
        patch.setenv("PYTHONPATH", str(folder / "site"), prepend=os.pathsep)
        yield packaged.write_models(folder / "models")


@pytest.fixture(scope="module", params=packaged.TOYS)
def toy(request, models, image, reference):
    return make(request.param, models, image, reference)


def make(name, models, image, reference):
    task = {"segments": "segment", "patches": "classify"}.get(name, "superres")
    also = {"segments": ("probabilities", "uncertainty"), "patches": ("probabilities", "confidence")}
    also["reference"] = ("uncertainty", "trust")
    also = also.get(name, ("uncertainty",))
    guides = {"reference": reference} if name == "reference" else {}
    return Toy(task, f"toy-{name}", str(models[name]), image, guides, also)


@pytest.fixture(scope="module")
def whole(toy, folder):
    """The whole scene in one go, all outputs."""
    out = folder / f"{toy.name}.tif"
    toy.run(out)
    return out


def test_each_is_a_file_of_less_than_60_lines():
    for name in packaged.TOYS:
        assert len((packaged.HERE / f"{name}.py").read_text().splitlines()) < 60


def test_the_command_line_gives_the_pixels_of_python(toy, whole, tmp_path):
    out = tmp_path / "o.tif"
    ran = subprocess.run(
        [sys.executable, str(ROOT / "launch.py"), *toy.command(out)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[:-1] == [str(out), *(str(beside(out, name)) for name in toy.also)]
    toy.assert_same(out, whole)


def test_arrays_and_paths_in_python_give_the_pixels_too(toy, whole, tmp_path):
    import rioxarray

    function = getattr(seamline, toy.task)
    options = {"model": toy.folder, "seed": 3, "threads": 1, "device": "cpu", **toy.guides}
    also = {name: beside(tmp_path / "o.tif", name) for name in toy.also}
    from_paths = function(toy.image, out=tmp_path / "o.tif", also=also, **options)
    toy.assert_same(tmp_path / "o.tif", whole)
    with rioxarray.open_rasterio(toy.image) as image:
        from_array = function(image.load(), **options)
    with rasterio.open(whole) as file:
        for result in (from_paths, from_array):
            assert np.array_equal(result.values, file.read())
            assert result.rio.transform() == file.transform
            assert result.rio.nodata == file.nodata


def test_two_processes_give_the_pixels_of_one(toy, whole, tmp_path):
    toy.run(tmp_path / "o.tif", how={"workers": 2})
    toy.assert_same(tmp_path / "o.tif", whole)


def test_shards_and_a_merge_give_the_pixels_of_one_run(toy, whole, tmp_path):
    out = tmp_path / "o.tif"
    for index in (3, 1, 2):
        assert toy.run(out, how={"shard": Shard(index, 3)}).out is None
    merge(out)
    toy.assert_same(out, whole)


@pytest.mark.parametrize("share", [0.1, 0.6, 0.95])
def test_a_cancelled_run_goes_on_to_the_same_pixels(share, toy, whole, tmp_path):
    out, cancel = tmp_path / "o.tif", Cancel()

    class Stop:
        def emit(self, event, **fields):
            if event == "progress" and fields["done"] >= share * fields["total"]:
                cancel.set()

    with pytest.raises(Cancelled):
        toy.run(out, how={"listener": Stop(), "cancel": cancel})
    assert not out.exists()
    assert Workspace.beside(out).exists
    toy.run(out, resume=True)
    toy.assert_same(out, whole)


def test_a_killed_run_goes_on_to_the_same_pixels(toy, whole, tmp_path):
    out = tmp_path / "o.tif"
    command = [sys.executable, str(ROOT / "launch.py"), *toy.command(out), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "progress" and event["done"] >= 0.6 * event["total"]:
                break
        process.kill()
    toy.run(out, resume=True)
    toy.assert_same(out, whole)


@pytest.mark.parametrize("window", [(40, 70, 83, 61), (30, 0, 9, 20), (150, 190, 20, 20)])
def test_a_part_has_the_pixels_of_the_whole(window, toy, whole, tmp_path):
    """Also one inside a single tile, whose neighbours have their say between the steps."""
    out = tmp_path / "o.tif"
    toy.run(out, window=window)
    assert_is_crop(out, whole)
    for name in toy.also:
        assert_is_crop(beside(out, name), beside(whole, name))


def test_what_is_masked_in_the_image_never_matters(toy, whole, tmp_path):
    """The hole holds other values, and a mask band says what the nodata value said."""
    with rasterio.open(toy.image) as file:
        values, valid, profile = file.read(), file.dataset_mask(), file.profile
    values[:, *HOLE] = np.random.default_rng(6).integers(1, 60_000, values[:, *HOLE].shape)
    outs = []
    for name, stored in (("plain", np.where(valid, values, 7)), ("wild", values)):
        path = tmp_path / f"{name}.tif"
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(path, "w", **(profile | {"nodata": None})) as file,
        ):
            file.write(stored)
            file.write_mask(valid)
        outs.append(tmp_path / f"{name}-out.tif")
        toy.run(outs[-1], image=str(path))
    toy.assert_same(outs[0], outs[1])
    with rasterio.open(outs[0]) as ours, rasterio.open(whole) as theirs:
        known = ours.dataset_mask() > 0
        assert np.array_equal(known, theirs.dataset_mask() > 0)
        assert not known.all()
        assert np.array_equal(ours.read()[:, known], theirs.read()[:, known])


def test_further_outputs_change_no_bit_of_the_first(toy, whole, tmp_path):
    toy.run(tmp_path / "o.tif", also=False)
    assert_same_pixels(tmp_path / "o.tif", whole)
    alone = json.loads((tmp_path / "o.report.json").read_text())
    assert alone["identity"] == json.loads(whole.with_name(f"{whole.stem}.report.json").read_text())["identity"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.report.json", "o.tif"]


def test_each_further_output_is_the_same_alone(toy, whole, tmp_path):
    for name in toy.also:
        out = tmp_path / f"{name}-first.tif"
        request = Request(
            inputs={"image": toy.image, **toy.guides},
            out=str(out),
            also={name: str(tmp_path / f"{name}.tif")},
            seed=3,
            threads=1,
        )
        api.run_request(request, toy.task, toy.folder)
        assert_same_pixels(tmp_path / f"{name}.tif", beside(whole, name))


def test_an_output_that_a_model_has_not_is_refused(toy, tmp_path):
    command = [*toy.command(tmp_path / "o.tif"), "--also", f"queries={tmp_path / 's.tif'}"]
    said = CliRunner().invoke(cli, command)
    assert said.exit_code == 2
    assert f"the model {toy.name} has no further output 'queries'" in said.output
    assert not list(tmp_path.iterdir())


def test_weights_are_hashed_once(toy, tmp_path, monkeypatch):
    """By the process that loads them; planning, describing and working in others need no hash."""
    hashed, sha256 = [], folders._sha256
    monkeypatch.setattr(folders, "_sha256", lambda file: hashed.append(file) or sha256(file))
    toy.run(tmp_path / "o.tif")
    assert hashed == [Path(toy.folder, "model.safetensors")]
    if toy.task == "superres":  # whose scene need not be measured before
        hashed.clear()
        toy.run(tmp_path / "p.tif", how={"workers": 2})
        assert not hashed


@pytest.mark.parametrize("workers", [1, 2])
def test_altered_weights_are_refused_and_leave_no_unfinished_run(workers, toy, tmp_path):
    altered = tmp_path / toy.name
    shutil.copytree(toy.folder, altered)
    content = bytearray((altered / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (altered / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="the content is not the one that was published"):
        replace(toy, folder=str(altered)).run(tmp_path / "o.tif", how={"workers": workers})
    assert [path.name for path in tmp_path.iterdir()] == [toy.name]


# Segmentation


@pytest.fixture(scope="module")
def classes(models, image, reference, folder):
    toy, out = make("segments", models, image, reference), folder / "classes.tif"
    toy.run(out)
    return out


def test_the_class_is_that_of_the_largest_blended_probability(classes):
    with rasterio.open(classes) as file, rasterio.open(beside(classes, "probabilities")) as more:
        numbers, chances = file.read(1), more.read()
        known = file.dataset_mask() > 0
        assert file.dtypes == ("uint8",)
        assert more.descriptions == ("water", "forest", "field", "soil", "built-up")
    assert not known[HOLE].any()
    assert known.sum() == known.size - 35 * 45
    assert np.isnan(chances[:, ~known]).all()
    assert np.array_equal(numbers[known], chances.argmax(axis=0)[known])
    total = chances[:, known].sum(axis=0)
    assert_same_but_rounding(total, np.ones_like(total))
    assert np.unique(numbers[known]).tolist() == [0, 1, 2, 3, 4]


@pytest.fixture(scope="module")
def wide(models, image, reference, folder):
    """A map of classes that has an overview, and is wider than a picture."""
    with rasterio.open(image) as file:
        values = np.tile(file.read(), (1, 1, 6))
        path = write(folder / "wide.tif", values, transform=file.transform, crs=file.crs)
    out = folder / "wide-classes.tif"
    make("segments", models, image, reference).run(out, image=path, also=False)
    return out


def test_an_overview_holds_the_most_frequent_class_and_never_one_that_is_not_there(wide):
    with rasterio.open(wide) as file, rasterio.open(wide, overview_level=0) as level:
        assert file.overviews(1) == [2]
        numbers, half = file.read(1), level.read(1)
    quarters = np.stack([numbers[i::2, j::2] for i in (0, 1) for j in (0, 1)])
    votes = np.stack([(quarters == number).sum(axis=0) for number in range(5)])
    # Of several that are as frequent, the lowest; masked where all four are.
    expected = np.where(votes.any(axis=0), votes.argmax(axis=0), 255)
    assert np.array_equal(half, expected)


def test_the_file_holds_names_and_colours(classes):
    from seamline.tests.toys.segments import CATEGORIES

    with rasterio.open(classes) as file:
        assert json.loads(file.tags()["SEAMLINE_CLASSES"]) == [category.name for category in CATEGORIES]
        table = file.colormap(1)
    assert [table[i][:3] for i in range(5)] == [category.colour for category in CATEGORIES]


def test_the_report_shows_classes_in_their_colours_beside_the_image(wide):
    from seamline.report.gathering import gather
    from seamline.report.layers import Layers
    from seamline.report.run import find_run
    from seamline.tests.toys.segments import CATEGORIES

    run = find_run(wide)
    with ExitStack() as stack:
        pictures = {each.title: each for each in Layers(gather(run, None), run.facts, stack).pictures()}
        shown, image = (pictures[title].draw(Window(0, 0, HEIGHT, WIDTH)) for title in ("Output", "Input"))
    with rasterio.open(wide) as file:
        assert (shown == file.read(1)[:HEIGHT, :WIDTH]).all()
    told = [(each["name"], each["colour"]) for each in pictures["Output"].legend["classes"]]
    assert told == [(category.name, "#{:02x}{:02x}{:02x}".format(*category.colour)) for category in CATEGORIES]
    assert len(np.unique(image[..., :3].reshape(-1, 3), axis=0)) > 100
    assert CliRunner().invoke(cli, ["report", str(wide)]).exit_code == 0


def test_bands_that_the_model_cannot_take_are_refused(models, image, tmp_path):
    command = ["segment", image, str(tmp_path / "o.tif"), "--model", str(models["segments"]), "--bands", "1,2,3"]
    said = CliRunner().invoke(cli, command)
    assert said.exit_code == 2
    assert "toy-segments takes 4 band(s) as image, but it has 3" in said.output


@pytest.mark.parametrize("task", ["segment", "classify"])
def test_a_task_whose_classes_depend_on_the_model_asks_for_one(task, image, tmp_path, models, monkeypatch):
    command = [task, image, str(tmp_path / "o.tif")]
    said = CliRunner().invoke(cli, command)
    assert said.exit_code == 2
    assert said.output.startswith(f"error: --model: which classes to {task} by is for the model to say")
    assert "bring-your-own-model.md" in said.output
    assert (ROOT / "docs" / "how-to" / "bring-your-own-model.md").is_file()
    monkeypatch.setenv("SEAMLINE_MODELS", str(models["segments"].parent))
    assert ("toy-segments, or give" in CliRunner().invoke(cli, command).output) == (task == "segment")


# Classification of patches


def features(path):
    """Geometries and fields."""
    meta, _, wkb, data = pyogrio.raw.read(path)
    return [wkb.tolist(), *(each.tolist() for each in data)], meta["fields"].tolist()


@pytest.fixture(scope="module")
def patches(models, image, reference, folder):
    """The toy, and a whole run with all that it can write."""
    toy, out = make("patches", models, image, reference), folder / "patches.tif"
    places = {name: str(out.with_name(f"whole-{name}.gpkg")) for name in ("polygons", "patches")}
    toy.run(out, min_area=2000, simplify=5.0, **places)
    return toy, out, places


def test_every_patch_has_its_class_and_confidence(patches):
    _, out, places = patches
    with (
        rasterio.open(out) as file,
        rasterio.open(beside(out, "probabilities")) as chances,
        rasterio.open(beside(out, "confidence")) as sure,
    ):
        assert file.shape == (14, 11)
        assert file.transform == from_origin(LEFT, TOP, 16 * GSD, 16 * GSD)
        numbers, known = file.read(1), file.dataset_mask() > 0
        # Two patches lie in the hole as a whole.
        assert np.argwhere(~known).tolist() == [[4, 2], [4, 3]]
        assert np.array_equal(chances.read().argmax(axis=0)[known], numbers[known])
        assert np.array_equal(chances.read().max(axis=0)[known], sure.read(1)[known])
        assert sorted(np.unique(numbers[known])) == [0, 1, 2]
    (_, classes, names, scores), fields = features(places["patches"])
    assert fields == ["class", "name", "score"]
    assert len(classes) == known.sum()
    assert set(zip(classes, names, strict=True)) == {(0, "shadow"), (1, "open land"), (2, "cloud")}
    assert min(scores) > 1 / 3


def test_other_tiles_give_the_same_patches(patches, tmp_path):
    toy, _, _ = patches
    # A scene without a hole: what fills one depends on the tile.
    with rasterio.open(toy.image) as file:
        values = np.where(file.read() == 0, 1500, file.read()).astype(np.uint16)
        path = write(tmp_path / "full.tif", values, transform=file.transform, crs=file.crs)
    outs = []
    for tile, overlap in ((64, 32), (96, 0), (128, 40)):
        outs.append(tmp_path / f"{tile}.tif")
        toy.run(outs[-1], image=path, tile=tile, overlap=overlap)
        toy.assert_same(outs[0], outs[-1])


@pytest.mark.parametrize("door", ["command line", "python", "merge", "workers"])
def test_vector_files_are_the_same_at_every_door(door, patches, tmp_path):
    toy, _, expected = patches
    out, named = tmp_path / "o.tif", {name: str(tmp_path / f"{name}.gpkg") for name in ("polygons", "patches")}
    command = [word for word in toy.command(out) if not word.startswith(("--also", "probabilities=", "confidence="))]
    command += ["--min-area", "2000", "--simplify", "5"]
    command += [word for name, path in named.items() for word in (f"--{name}", path)]
    if door == "command line":
        said = CliRunner().invoke(cli, [*command, "--confidence", str(tmp_path / "c.tif")])
        assert said.exit_code == 0, said.output
        assert str(tmp_path / "patches.gpkg") in said.output.splitlines()
        assert_same_pixels(tmp_path / "c.tif", beside(patches[1], "confidence"))
    elif door == "python":
        image, options = Path(toy.image), {"model": toy.folder, "seed": 3, "threads": 1, "device": "cpu"}
        result = seamline.classify(
            image, min_area=2000, simplify=5.0, **{k: Path(v) for k, v in named.items()}, **options
        )
        assert result.shape == (1, 14, 11)
    elif door == "merge":
        for part in ("2/2", "1/2"):
            said = CliRunner().invoke(cli, [*command, "--shard", part])
            assert said.exit_code == 0, said.output
        assert not list(tmp_path.glob("*.gpkg"))
        said = CliRunner().invoke(cli, ["merge", str(out)])
        assert said.exit_code == 0, said.output
        assert str(tmp_path / "polygons.gpkg") in said.output.splitlines()
    else:
        toy.run(out, how={"workers": 2}, min_area=2000, simplify=5.0, **named)
    for name, path in named.items():
        assert features(path) == features(expected[name])
    assert not list(tmp_path.glob("*.seamline"))


@pytest.mark.parametrize(
    ("words", "options", "sentence"),
    [
        (["--min-area", "3"], {"min_area": 3}, "there are no polygons that it is for"),
        (["--polygons", "p.tif"], {"polygons": "p.tif"}, "the output is not a GeoPackage"),
        (["--patches", "none/p.gpkg"], {"patches": "none/p.gpkg"}, "the folder does not exist"),
        (["--polygons", "p.gpkg", "--min-area", "-1"], {"polygons": "p.gpkg", "min_area": -1}, "is not 0 m² or more"),
        (
            ["--polygons", "p.gpkg", "--patches", "p.gpkg"],
            {"polygons": "p.gpkg", "patches": "p.gpkg"},
            "this is the file of the polygons",
        ),
        (["--polygons", "old.gpkg"], {"polygons": "old.gpkg"}, "the output exists"),
        (["--confidence", "o.tif"], {"confidence": "o.tif"}, "this is the output itself"),
        (
            ["--confidence", "c.tif", "--also", "confidence=d.tif"],
            {"confidence": "c.tif", "also": {"confidence": "d.tif"}},
            "there are two paths for confidence",
        ),
    ],
)
def test_every_door_refuses_alike(words, options, sentence, patches, tmp_path, monkeypatch):
    toy, _, _ = patches
    monkeypatch.chdir(tmp_path)
    Path("old.gpkg").write_bytes(b"old")
    said = CliRunner().invoke(cli, ["classify", toy.image, "o.tif", "--model", toy.folder, *words])
    assert said.exit_code == 2
    assert sentence in said.output
    with pytest.raises(RequestError, match=sentence):
        seamline.classify(toy.image, model=toy.folder, out="o.tif", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["old.gpkg"]


def test_a_map_of_pixels_has_no_patches_and_no_confidence_unless_its_model_tells(models, image, tmp_path):
    command = ["segment", image, str(tmp_path / "o.tif"), "--model", str(models["segments"])]
    for words, sentence in (
        (["--patches", str(tmp_path / "p.gpkg")], "tells the class of every pixel, not of patches"),
        (["--confidence", str(tmp_path / "c.tif")], "--confidence: the model toy-segments has no further output"),
    ):
        said = CliRunner().invoke(cli, [*command, *words])
        assert said.exit_code == 2
        assert sentence in said.output
    assert not list(tmp_path.iterdir())


# Super-resolution with a reference


@pytest.fixture(scope="module")
def refined(models, image, reference, folder):
    """With the reference, and without."""
    toy, outs = make("reference", models, image, reference), [folder / "with.tif", folder / "without.tif"]
    toy.run(outs[0])
    toy.run(outs[1], guides={})
    return toy, *outs


def seen(reference):
    """Whether each pixel of the image lies on a valid pixel of the reference, well inside, or well outside."""
    with rasterio.open(reference) as file:
        shares = np.zeros((HEIGHT, WIDTH), np.float32)
        reproject(
            (file.dataset_mask() > 0).astype(np.float32),
            shares,
            src_transform=file.transform,
            src_crs=file.crs,
            dst_transform=from_origin(LEFT, TOP, GSD, GSD),
            dst_crs="EPSG:32633",
            resampling=Resampling.average,
        )
    rim = 3
    near = np.lib.stride_tricks.sliding_window_view(np.pad(shares, rim, mode="edge"), (2 * rim + 1,) * 2)
    return near.min(axis=(2, 3)) > 0.99, near.max(axis=(2, 3)) < 0.01


def test_detail_comes_where_the_reference_shows_the_ground_and_nowhere_else(refined, reference):
    _, with_it, without = refined
    with rasterio.open(with_it) as a, rasterio.open(without) as b:
        ours, plain = a.read(), b.read()
        assert np.array_equal(a.dataset_mask(), b.dataset_mask())
        valid = a.dataset_mask()[::2, ::2] > 0
        assert a.transform == from_origin(LEFT, TOP, GSD / 2, GSD / 2)
    inside, outside = (where & valid for where in seen(reference))
    assert min(inside.sum(), outside.sum()) > 1000
    differs = (ours != plain).any(axis=0)[::2, ::2]
    assert differs[inside].mean() > 0.9
    assert not differs[outside].any()
    # The hole in the reference, and what lies west of it.
    assert outside[:, :20].any()
    assert outside[:, 70:].any()


def test_without_a_reference_pixels_are_doubled(refined, image):
    with rasterio.open(refined[2]) as file, rasterio.open(image) as source:
        assert np.array_equal(file.read(), source.read().repeat(2, axis=1).repeat(2, axis=2))


def test_what_is_masked_in_the_reference_never_matters(refined, reference, tmp_path):
    toy, with_it, _ = refined
    with rasterio.open(reference) as file:
        values, valid, profile = file.read(), file.dataset_mask(), file.profile
    values[:, valid == 0] = np.random.default_rng(7).integers(1, 255, int((valid == 0).sum()))
    path = tmp_path / "reference.tif"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **(profile | {"nodata": None})) as file:
        file.write(values)
        file.write_mask(valid)
    toy.run(tmp_path / "o.tif", guides={"reference": str(path)})
    toy.assert_same(tmp_path / "o.tif", with_it)


def test_a_reference_that_lies_elsewhere_adds_nothing(refined, reference, tmp_path):
    toy, _, without = refined
    with rasterio.open(reference) as file:
        far = file.transform.translation(50_000, 0) * file.transform
        path = write(tmp_path / "far.tif", file.read(), transform=far, crs=file.crs)
    toy.run(tmp_path / "o.tif", guides={"reference": path})
    toy.assert_same(tmp_path / "o.tif", without)


def test_the_command_has_a_name_of_its_own_for_a_reference(refined, image, reference, tmp_path):
    toy, with_it, _ = refined
    command = ["superres", image, "OUT", "--model", toy.folder, "--threads", "1", "--device", "cpu"]
    for out, words in (("o.tif", ["--reference", reference]), ("p.tif", ["--guide", f"reference={reference}"])):
        command[2] = str(tmp_path / out)
        said = CliRunner().invoke(cli, [*command, *words])
        assert said.exit_code == 0, said.output
        assert_same_pixels(tmp_path / out, with_it)
    said = CliRunner().invoke(
        cli, [*command, "--overwrite", "--reference", reference, "--guide", f"reference={reference}"]
    )
    assert said.exit_code == 2
    assert "there are two paths for reference; give one" in said.output


def test_a_model_that_takes_no_reference_refuses_it(image, reference, tmp_path):
    command = ["superres", image, str(tmp_path / "o.tif"), "--model", "bicubic", "--reference", reference]
    said = CliRunner().invoke(cli, command)
    assert said.exit_code == 2
    assert "bicubic takes no input 'reference', but image" in said.output


# Steps


def test_tiles_are_blended_between_the_steps(models, image, tmp_path):
    """Blended at the end alone, the same model gives other pixels around the places where tiles meet."""
    source = registry.resolve(str(models["stepping"]), "superres")
    request = Request(inputs={"image": image}, out=str(tmp_path / "steps.tif"), seed=3, threads=1)
    run(request, source)
    run(replace(request, out=str(tmp_path / "end.tif")), AtOnce(source))
    with rasterio.open(tmp_path / "steps.tif") as a, rasterio.open(tmp_path / "end.tif") as b:
        differs = (a.read() != b.read()).any(axis=(0, 1))
    axis = plan_run(replace(request, overwrite=True), source)[0].tiles.columns
    # A tile that steps alone does not know what lies beyond its rim, a cell farther in with each step.
    reach = source.load(Runtime()).steps * source.spec.latent
    first, last = axis.stop(0) - reach, axis.starts[-1] + reach
    assert 0 < first < last < WIDTH
    assert differs[axis.starts[1] : axis.stop(0)].any()
    assert not differs[:first].any()
    assert not differs[last:].any()


class AtOnce:
    """The toy as a model that hides its steps."""

    identity = "at-once@1"

    def __init__(self, source):
        self._source, self.spec = source, replace(source.spec, stepping=False)

    def load(self, runtime):
        self._model = self._source.load(runtime)
        return self

    def predict(self, batch, where):
        state = self._model.begin(batch, where)
        for index in range(self._model.steps):
            state = self._model.step(state, index, batch, where)
        return self._model.decode(state, batch, where)


def test_the_seed_decides(models, image, reference, tmp_path):
    toy = make("stepping", models, image, reference)
    toy.run(tmp_path / "a.tif", also=False)
    request = Request(inputs={"image": image}, out=str(tmp_path / "b.tif"), seed=4, threads=1)
    api.run_request(request, toy.task, toy.folder)
    with pytest.raises(AssertionError, match="values differ"):
        assert_same_pixels(tmp_path / "a.tif", tmp_path / "b.tif")
