"""Models are found beside the code, where the user says, and in the environment; each is checked before it is used."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest
import torch

import seamline
from seamline.engine.errors import ModelError, RequestError, RunError
from seamline.models import install as installing
from seamline.models import places, registry
from seamline.models.folder import Architecture, Card, Input, verify_folder, write_folder
from seamline.models.install import install
from seamline.models.places import environment_models

VERSION = seamline.__version__


def make_model(folder: Path, name: str = "toy", version: str = "1") -> Path:
    card = Card(
        name=name,
        version=version,
        task="superres",
        architecture=Architecture(name="yardstick_cnn"),
        inputs=(Input(name="image"),),
        main="image",
        licence="CC0-1.0",
        training_data="none",
        citation="none",
    )
    write_folder(folder / name, card, {"weight": torch.arange(4.0)})
    return folder / name


def make_wheel(folder: Path, model: Path, version: str = VERSION, extra: dict[str, bytes] | None = None) -> Path:
    wheel = folder / f"seamline-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in model.iterdir():
            archive.write(file, f"seamline/models/weights/{model.name}/{file.name}")
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return wheel


@pytest.fixture
def prefix(tmp_path, monkeypatch):
    """An environment of its own, without an installed seamline and without weights beside the code."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env é"))
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path / "none")
    monkeypatch.setattr(places, "_installed", lambda: None)
    monkeypatch.delenv("SEAMLINE_MODELS", raising=False)
    return tmp_path / "env é"


class Distribution:
    def __init__(self, root: Path, version: str) -> None:
        self.root, self.version = root, version

    def locate_file(self, path: str) -> Path:
        return self.root / path


def test_each_place_is_asked_and_the_first_counts(prefix, tmp_path, monkeypatch):
    for place in ("own", "chosen", "site/seamline/models/weights", "env é/share/seamline/models"):
        make_model(tmp_path / place, "everywhere", version=place[:3])
        make_model(tmp_path / place, f"only-in-{place[:3].strip()}")
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path / "own")
    monkeypatch.setenv("SEAMLINE_MODELS", str(tmp_path / "chosen"))
    monkeypatch.setattr(places, "_installed", lambda: Distribution(tmp_path / "site", VERSION))
    assert {"only-in-own", "only-in-cho", "only-in-sit", "only-in-env"} <= set(registry.names("superres"))
    assert registry.info("everywhere").spec.version == "own"
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path / "none")
    assert registry.info("everywhere").spec.version == "cho"
    monkeypatch.delenv("SEAMLINE_MODELS")
    assert registry.info("everywhere").spec.version == "sit"
    monkeypatch.setattr(places, "_installed", lambda: None)
    assert registry.info("everywhere").spec.version == "env"


def test_models_of_an_installed_seamline_of_another_version_are_not_used_and_that_is_said(
    prefix, tmp_path, monkeypatch
):
    make_model(tmp_path / "site/seamline/models/weights")
    monkeypatch.setattr(places, "_installed", lambda: Distribution(tmp_path / "site", "9.9"))
    with pytest.raises(RequestError, match=r"the installed seamline is version 9\.9 and its models are for that"):
        registry.resolve("toy", "superres")


def test_without_any_learned_model_the_error_says_how_they_come(prefix):
    with pytest.raises(RequestError, match=r"no model 'salad-pan-tiny'.*seamline models install brings them"):
        registry.resolve("salad-pan-tiny", "pansharpen")


@pytest.mark.parametrize("kind", ["folder", "parent", "wheel"])
def test_an_installed_model_has_a_name_and_is_verified(kind, prefix, tmp_path):
    model = make_model(tmp_path / "source")
    (model / "README.md").write_text("left behind")
    source = {"folder": model, "parent": model.parent, "wheel": make_wheel(tmp_path, model)}[kind]
    (folder,) = install([source], environment_models())
    assert folder.path == prefix / "share" / "seamline" / "models" / "toy"
    assert registry.resolve("toy", "superres").identity == verify_folder(model).identity
    assert sorted(path.name for path in folder.path.iterdir()) == ["model.json", "model.safetensors"]
    assert [path.name for path in folder.path.parent.iterdir()] == ["toy"]


def test_a_newer_model_takes_the_place_of_an_older_one(prefix, tmp_path):
    install([make_model(tmp_path / "old", version="1")], environment_models())
    install([make_model(tmp_path / "new", version="2")], environment_models())
    assert registry.info("toy").spec.version == "2"


def test_an_altered_model_takes_nobodys_place(prefix, tmp_path):
    install([make_model(tmp_path / "good")], environment_models())
    bad = make_model(tmp_path / "bad", version="2")
    content = bytearray((bad / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (bad / "model.safetensors").write_bytes(content)
    for source in (bad, make_wheel(tmp_path, bad)):
        with pytest.raises(ModelError, match="not the one that was published"):
            install([source], environment_models())
    assert registry.info("toy").spec.version == "1"
    assert [path.name for path in environment_models().iterdir()] == ["toy"]


def test_nothing_but_models_comes_out_of_a_wheel(prefix, tmp_path):
    model = make_model(tmp_path / "source")
    others = {
        "seamline.pth": b"import os",
        "seamline/__init__.py": b"raise SystemExit",
        "seamline/models/weights/toy/evil.pkl": b"0",
        "seamline/models/weights/toy/../../../../../escaped.safetensors": b"0",
        "/escaped.safetensors": b"0",
    }
    install([make_wheel(tmp_path, model, extra=others)], environment_models())
    written = {path.name for path in prefix.rglob("*") if path.is_file()}
    assert written == {"model.json", "model.safetensors"}
    assert not list(tmp_path.rglob("escaped*"))


def test_a_file_beyond_its_bound_is_refused_before_it_is_written(prefix, tmp_path, monkeypatch):
    monkeypatch.setattr(installing, "CARD_BYTES", 10)
    with pytest.raises(ModelError, match="more than 10 bytes"):
        install([make_wheel(tmp_path, make_model(tmp_path / "source"))], environment_models())


def damage(wheel: Path, member: bytes, method: int) -> None:
    """Spoil the stored bytes of a member."""
    content = bytearray(wheel.read_bytes())
    at = content.find(b"model.json") + len(b"model.json") + (4 if method == zipfile.ZIP_LZMA else 0)
    content[at + 4 : at + 60] = b"\xff" * 56
    wheel.write_bytes(content)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_one_sentence(prefix, tmp_path, method):
    wheel = tmp_path / f"seamline-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", method) as archive:
        archive.writestr("seamline/models/weights/toy/model.json", bytes(range(256)) * 12)
    damage(wheel, b"model.json", method)
    with pytest.raises((ModelError, RunError)) as refused:
        install([wheel], environment_models())
    assert "\n" not in str(refused.value)
    assert list(environment_models().iterdir()) == []


def test_a_directory_of_a_later_zip_is_one_sentence(prefix, tmp_path):
    wheel = make_wheel(tmp_path, make_model(tmp_path / "source"))
    content = bytearray(wheel.read_bytes())
    for at in (i for i in range(len(content)) if content[i : i + 4] == b"PK\1\2"):
        content[at + 6] = 219
    wheel.write_bytes(content)
    with pytest.raises(ModelError, match=r"its directory cannot be read \(zip file version.*fetch it again"):
        install([wheel], environment_models())


@pytest.mark.parametrize("listed", [True, False])
def test_weights_larger_than_the_card_says_are_not_written(prefix, tmp_path, monkeypatch, listed):
    model = make_model(tmp_path / "source")
    wheel = tmp_path / f"seamline-{VERSION}-py3-none-any.whl"
    name = "model.safetensors" if listed else "more.safetensors"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        # The weights come first, as they may.
        archive.writestr(f"seamline/models/weights/toy/{name}", bytes(10**6))
        archive.write(model / "model.json", "seamline/models/weights/toy/model.json")
    copied = []
    monkeypatch.setattr(
        installing.shutil, "copyfileobj", lambda stream, target, _: copied.append(target.write(stream.read()))
    )
    with pytest.raises(ModelError):
        install([wheel], environment_models())
    assert max(copied) < 10**5


def test_sources_without_models_and_wheels_of_another_version_are_refused(prefix, tmp_path):
    model = make_model(tmp_path / "source")
    (tmp_path / "empty").mkdir()
    wheel = make_wheel(tmp_path, model, version="9.9.9")
    for source, sentence in (
        (tmp_path / "empty", "there is no model here"),
        (tmp_path / f"seamline-{VERSION}-py3-none-any.whl", "there is no such file"),
        (wheel, f"this is not the wheel of seamline {VERSION}"),
    ):
        with pytest.raises(RequestError, match=sentence):
            install([source], environment_models())
    (tmp_path / f"seamline-{VERSION}-py3-none-any.whl").write_bytes(b"no archive")
    with pytest.raises(ModelError, match="its directory cannot be read"):
        install([tmp_path / f"seamline-{VERSION}-py3-none-any.whl"], environment_models())


def test_the_command_installs_into_this_environment(prefix, tmp_path):
    from click.testing import CliRunner

    from seamline.cli.group import cli

    ran = CliRunner().invoke(cli, ["models", "install", str(make_model(tmp_path / "source"))])
    assert ran.exit_code == 0, ran.output
    assert "toy: all files are as published" in ran.output
    listed = CliRunner().invoke(cli, ["models", "list", "--json"])
    assert "toy" in {model["name"] for model in json.loads(listed.stdout)}
