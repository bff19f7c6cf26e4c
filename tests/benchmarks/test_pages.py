"""Pages that benchmarks write, and the list of their commands."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from seamline.benchmarks.shared import pages

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
COMMANDS = sorted(
    ".".join(["benchmarks", *path.relative_to(BENCHMARKS).with_suffix("").parts]).removesuffix(".__main__")
    for path in BENCHMARKS.rglob("*.py")
    if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")
)


def test_a_part_of_a_page_replaces_only_itself(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- x -->\nold\n<!-- end of x -->\nafter\n")
    pages.replace_part(path, "x", ["new"])
    pages.replace_part(path, "x", ["newer"])
    assert path.read_text() == "before\n<!-- x -->\n\nnewer\n\n<!-- end of x -->\nafter\n"
    with pytest.raises(ValueError, match="needs <!-- y --> and <!-- end of y -->"):
        pages.replace_part(path, "y", ["new"])


def test_a_missed_claim_is_the_exit_status(tmp_path, capsys):
    path = tmp_path / "page.md"
    path.write_text("<!-- x -->\n<!-- end of x -->\n")
    assert pages.published(["- one: held"], path, "x") == 0
    assert "- one: held" in path.read_text()
    assert pages.published(["- one: held", "- two: MISSED"], None, "x") == 1
    assert "two" in capsys.readouterr().out
    assert "two" not in path.read_text()


def test_the_list_names_every_benchmark_and_no_other():
    listed = re.findall(r"^\| `python -m (\S+)`", (BENCHMARKS / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_a_benchmark_starts_and_says_how(command, monkeypatch, capsys):
    folder = BENCHMARKS.joinpath(*command.split(".")[1:])
    module = importlib.import_module(f"seamline.{command}{'.__main__' if folder.is_dir() else ''}")
    assert f"python -m {command}" in module.__doc__
    monkeypatch.setattr("sys.argv", [command, "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 0
    assert "usage: " in capsys.readouterr().out
