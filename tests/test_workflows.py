"""The workflows for a forge, which never ran yet, agree with what they start, may do little, and end."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
each = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def read(path: Path) -> dict:
    """A YAML file; ``on`` is the text, not the truth value that YAML 1.1 takes it for."""
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:bool" or first not in "oO"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def steps(workflow: dict) -> list[dict]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def commands(workflow: dict) -> str:
    return "\n".join(step["run"] for step in steps(workflow) if "run" in step)


def supported() -> list[str]:
    """The Pythons of ``requires-python``."""
    least, below = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    return [f"3.{minor}" for minor in range(int(least), int(below))]


def test_there_is_a_workflow_for_each_thing_that_is_built_or_checked():
    assert [path.stem for path in WORKFLOWS] == ["artefacts", "docs", "qgis", "tests"]


@each
def test_a_workflow_says_that_it_never_ran(path):
    head = re.match(r"(#.*\n)+", path.read_text(encoding="utf-8"))
    assert "never run there yet" in head[0]


@each
def test_it_may_only_read_and_leaves_no_key_in_the_checkout(path):
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())
    assert "pull_request_target" not in workflow["on"]
    assert "secrets." not in path.read_text(encoding="utf-8")
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@each
def test_every_job_ends_and_a_newer_run_takes_the_place_of_an_older(path):
    workflow = read(path)
    assert all(0 < job["timeout-minutes"] <= 120 for job in workflow["jobs"].values())
    assert workflow["concurrency"]["group"].startswith(f"{path.stem}-")


@each
def test_actions_are_those_of_the_forge_at_a_major_version(path):
    used = [step["uses"] for step in steps(read(path)) if "uses" in step]
    assert [action for action in used if not re.fullmatch(r"actions/[a-z-]+@v\d+", action)] == []


@each
def test_every_target_and_script_that_it_starts_is_there(path):
    run = commands(read(path))
    targets = {word for line in re.findall(r"^(?:env \S+ )?make (.+)$", run, re.MULTILINE) for word in line.split()}
    assert targets <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    scripts = re.findall(r"\bbash (\S+)", run)
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


@each
def test_what_is_said_of_the_ref_or_an_event_is_never_pasted_into_a_command(path):
    assert "${{" not in commands(read(path))


def test_the_tests_run_on_every_system_and_every_python_that_is_supported():
    matrix = read(GITHUB / "workflows" / "tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["python-version"] == supported()
    assert [system.split("-")[0] for system in matrix["os"]] == ["ubuntu", "windows", "macos"]
    prefix = "Programming Language :: Python :: 3."
    named = [text.rpartition(" ")[2] for text in PROJECT["classifiers"] if text.startswith(prefix)]
    assert named == supported()


@each
def test_every_other_python_is_a_supported_one(path):
    chosen = {step["with"]["python-version"] for step in steps(read(path)) if "setup-python" in step.get("uses", "")}
    chosen |= set(re.findall(r"python install (\S+)", commands(read(path))))
    assert chosen - {"${{ matrix.python-version }}"} <= set(supported())


def test_installing_without_make_is_what_make_does():
    recipe = (ROOT / "Makefile").read_text().replace("$$", "$").replace("$(BIN)/", "").replace(" --quiet", "")
    installs = re.findall(
        r"^python -m pip install .*$", commands(read(GITHUB / "workflows" / "tests.yml")), re.MULTILINE
    )
    assert len(installs) == 2
    assert all(line in recipe for line in installs)


def test_a_report_of_a_fault_asks_for_the_doctor_and_the_report():
    form = read(GITHUB / "ISSUE_TEMPLATE" / "bug_report.yml")
    asked = {field["id"]: field for field in form["body"] if "id" in field}
    assert asked["doctor"]["validations"]["required"] is True
    assert "seamline doctor" in asked["doctor"]["attributes"]["label"]
    assert "OUT.report.json" in asked["report"]["attributes"]["description"]


@pytest.mark.parametrize("name", ["ISSUE_TEMPLATE/bug_report.yml", "PULL_REQUEST_TEMPLATE.md"])
def test_a_template_sends_what_endangers_users_elsewhere(name):
    assert "SECURITY.md" in (GITHUB / name).read_text(encoding="utf-8")


def test_the_licence_of_a_contribution_is_that_of_the_project():
    assert f"licensed {PROJECT['license']}" in (GITHUB / "PULL_REQUEST_TEMPLATE.md").read_text(encoding="utf-8")
