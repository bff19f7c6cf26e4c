"""Architectures come from this package and from others, and whatever is wrong with another's is said in a sentence."""

from __future__ import annotations

import sys

import pytest

from seamline.engine.errors import ModelError
from seamline.models.architectures import ARCHITECTURES, check_known, find_loader, most_steps

WHERE = "a folder"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Put a package with one module on Python's path; it registers what its entry points say."""
    before = set(sys.modules)

    def install(name, points, code="def load(config, state, runtime):\n    return config, state, runtime\n"):
        site = tmp_path / name
        about = site / f"{name}-1.0.dist-info"
        about.mkdir(parents=True)
        (site / f"{name}.py").write_text(code)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[seamline.architectures]\n{points}\n")
        monkeypatch.syspath_prepend(str(site))

    yield install
    for module in set(sys.modules) - before:
        if module.startswith("others"):
            del sys.modules[module]


def refusal(name):
    """What both ways to ask say of it."""
    said = []
    for ask in (check_known, find_loader):
        with pytest.raises(ModelError) as caught:
            ask(name, where=WHERE)
        assert (caught.value.where, caught.value.exit_code) == (WHERE, 2)
        said.append(f"{caught.value.what}; {caught.value.fix}")
    assert said[0] == said[1]
    return said[0]


def test_another_package_registers_one(package):
    package("others", "far_net = others")
    check_known("far_net", where=WHERE)
    assert find_loader("far_net", where=WHERE)({}, {}, "cpu") == ({}, {}, "cpu")


def test_every_one_of_this_package_has_a_loader():
    for name in ARCHITECTURES:
        check_known(name, where=WHERE)
        assert find_loader(name, where=WHERE).__module__ == f"seamline.models.{ARCHITECTURES[name]}"


def test_a_name_of_this_package_cannot_be_taken(package):
    package("others", "slimdiffsr = others", code="raise SystemError('imported')")
    check_known("slimdiffsr", where=WHERE)
    assert find_loader("slimdiffsr", where=WHERE).__module__ == "seamline.models.slimdiffsr.tile"


def test_an_unknown_name_is_told_with_those_that_there_are(package):
    package("others", "far_net = others")
    said = refusal("near_net")
    assert said.startswith("the architecture 'near_net' is unknown; known are ds_dit_sd3, ds_dit_small, far_net,")
    assert "the package that registers it" in said


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import a_package_that_is_not_there", "ModuleNotFoundError: No module named 'a_package_that_is_not_there'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def load(:", "SyntaxError: "),
    ],
)
def test_a_module_that_cannot_be_imported_is_a_sentence(code, reason, package):
    package("others", "far_net = others", code=code)
    said = refusal("far_net")
    assert f"the module others of the architecture 'far_net' cannot be imported ({reason}" in said
    assert said.endswith("install others again, with what it needs")


@pytest.mark.parametrize("code", ["", "load = 3"])
def test_a_module_without_a_loader_is_a_sentence(code, package):
    package("others", "far_net = others", code=code)
    assert "has no function load; report it to the authors of others" in refusal("far_net")


def test_two_packages_of_one_name_are_refused_whichever_comes_first(package):
    package("others", "far_net = others")
    package("others_too", "far_net = others_too")
    assert refusal("far_net") == "the architecture 'far_net' is registered by others and others_too; uninstall one"


def test_an_architecture_says_how_many_steps_it_takes():
    assert {name: most_steps(name) for name in ("salad_pan_tiny", "sentinel2_tiny", "ds_dit_small")} == {
        "salad_pan_tiny": 50,
        "sentinel2_tiny": 50,
        "ds_dit_small": 50,
    }
    assert most_steps("salad_pan_sd15") == 1000
    assert most_steps("yardstick_cnn") is None
    assert most_steps("of another package") is None
