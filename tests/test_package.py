"""The package description agrees with what is on disk."""

from __future__ import annotations

import configparser
import pkgutil
import re
import tomllib
from pathlib import Path

import click
import pytest

import seamline
from seamline.cli.group import cli
from seamline.models.architectures import GROUP

ROOT = Path(__file__).resolve().parents[1]
NOT_SHIPPED = {"tests", "tools", "benchmarks", "docs", "build", "dist", "runs"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def shipped_folders(root: Path) -> set[Path]:
    """Folders below the root that hold Python, less hidden ones and those that are not shipped."""
    folders = {path.parent.relative_to(root) for path in root.rglob("*.py")}
    return {f for f in folders if not any(p in NOT_SHIPPED or p.startswith(".") for p in f.parts)}


def test_every_folder_with_python_is_a_listed_package_and_none_is_listed_that_is_not():
    folders = shipped_folders(ROOT)
    on_disk = {".".join(["seamline", *folder.parts]) for folder in folders}
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(on_disk)
    assert all((ROOT / folder / "__init__.py").is_file() for folder in folders)


def test_a_forgotten_package_is_noticed(tmp_path):
    for name in ("engine/__init__.py", "engine/new/part.py", "tests/test_x.py", ".venv/lib/y.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert shipped_folders(tmp_path) == {Path("engine"), Path("engine/new")}


def test_versions_agree():
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(ROOT / "metadata.txt", encoding="utf-8")
    version = PROJECT["project"]["version"]
    assert seamline.__version__ == version
    assert metadata["general"]["version"] == version
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_package_is_typed_and_its_data_are_there():
    assert (ROOT / "py.typed").is_file()
    for package, patterns in PROJECT["tool"]["setuptools"]["package-data"].items():
        folder = ROOT.joinpath(*package.split(".")[1:])
        for pattern in (p for p in patterns if "*" not in p):
            assert (folder / pattern).is_file(), f"{package}: {pattern}"


def test_the_licence_is_the_one_that_is_declared():
    text = (ROOT / "LICENSE").read_text()
    assert PROJECT["project"]["license"] == "GPL-2.0-or-later"
    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert "Version 2, June 1991" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_pins_are_within_the_declared_bounds():
    pins = dict(re.findall(r"^([a-z-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    bounds = dict(re.findall(r"^([a-z-]+)(?:\[.*\])?>=([\d.]+)$", "\n".join(PROJECT["project"]["dependencies"]), re.M))
    assert "torch" in pins
    for name in pins.keys() & bounds.keys():
        pinned, least = ([int(part) for part in v.split(".")] for v in (pins[name], bounds[name]))
        assert pinned >= least, name


PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def anchors(page: Path) -> set[str]:
    """What a link may name within a page: its headings, as the repository's host spells them, and marks set by hand."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_into_a_page_lead_to_a_heading(page):
    links = re.findall(r"\]\((?!https?:|mailto:)([^)#\s]*)#([^)\s]+)\)", page.read_text())
    wrong = [(target, name) for target, name in links if name not in anchors(page.parent / target if target else page)]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_that_a_page_names_are_there(page):
    text = page.read_text()
    named = set(re.findall(r"(?<![./\w])((?:seamline|benchmarks)(?:\.\w+)+)", text))
    for module, names in re.findall(r"^from (seamline[\w.]*) import ([\w, ]+)$", text, re.MULTILINE):
        named |= {f"{module}.{name.strip()}" for name in names.split(",")}
    # A group of entry points is spelled like a module and is none.
    for name in named - {GROUP}:
        pkgutil.resolve_name(name if name.startswith("seamline.") else f"seamline.{name}")


def test_every_page_of_the_documentation_can_be_reached_from_its_index():
    docs = ROOT / "docs"
    linked = {(docs / t).resolve() for t in re.findall(r"\]\(([^)#\s]+\.md)", (docs / "index.md").read_text())}
    assert {page.resolve() for page in docs.rglob("*.md")} - linked == {(docs / "index.md").resolve()}


def commands(group: click.Group, prefix: str = "") -> dict[str, click.Command]:
    """Every command by its full name, groups opened."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, f"{prefix}{name} ")
        else:
            found[f"{prefix}{name}"] = command
    return found


def test_the_reference_names_every_command_and_option_and_no_other():
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text()
    known = commands(cli)
    assert set(known) == set(re.findall(r"^\| `seamline ([a-z -]+?)(?: [A-Z\[].*?)?`", page, re.MULTILINE))
    options = {opt for command in known.values() for param in command.params for opt in param.opts if opt[:2] == "--"}
    assert options == set(re.findall(r"`(--[a-z-]+)", page)) - {"--help"}
