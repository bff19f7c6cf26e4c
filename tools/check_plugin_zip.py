"""Check a built plugin zip by the rules of the QGIS plugin repository: ``python tools/check_plugin_zip.py ZIP``.

What is checked is the zip itself, unpacked, not the checkout that it was made from.  Bandit and detect-secrets run as
the repository runs them; a finding of medium or high severity, or a secret, blocks.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

NAME = "seamline"
MOST_BYTES = 25_000_000
_NOT_SHIPPED = {"tests", "benchmarks", "tools", "weights", "build", "dist", "__pycache__"}
_REQUIRED = (
    *("name", "qgisMinimumVersion", "qgisMaximumVersion", "description", "about", "version", "author", "email"),
    *("homepage", "repository", "tracker", "license", "icon", "category", "tags", "changelog"),
    *("hasProcessingProvider", "experimental", "deprecated", "server"),
)
_FILES = ("__init__.py", "metadata.txt", "LICENSE", "README.md", "launch.py", "pyproject.toml", "constraints.txt")
_BINARY_SUFFIXES = {
    *(".so", ".dll", ".dylib", ".pyd", ".exe", ".o", ".a", ".lib", ".jar", ".pyc", ".whl", ".zip", ".gz", ".tar"),
    *(".safetensors", ".pt", ".pth", ".ckpt", ".onnx", ".bin", ".pkl", ".npy", ".npz", ".h5", ".tif"),
}
_MAY_HOLD_NULS = {".png", ".qm"}  # pictures, and translations, which QGIS reads in this form alone
_PYTHON_OF_QGIS = (3, 9)  # that QGIS 3.22 may bring; the engine has a Python of its own


def problems(path: Path) -> list[str]:
    """Everything that the repository would refuse, one sentence each; empty when the zip may be published."""
    if not zipfile.is_zipfile(path):
        return [f"{path} is no zip"]
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        found = [*_size(path), *_names(archive.infolist())]
        if found:  # nothing with a bad name is unpacked
            return found
        archive.extractall(folder)
        root = Path(folder) / NAME
        checks = (_content, _metadata, _licence, _syntax, _bandit, _secrets)
        return [problem for check in checks for problem in check(root)]


def _size(path: Path) -> Iterator[str]:
    if path.stat().st_size > MOST_BYTES:
        yield f"the zip has {path.stat().st_size} bytes, more than {MOST_BYTES}"


def _names(members: list[zipfile.ZipInfo]) -> Iterator[str]:
    for member in members:
        parts = PurePosixPath(member.filename).parts
        if not parts or parts[0] != NAME or "\\" in member.filename or ".." in parts:
            yield f"{member.filename}: not below the one top folder {NAME}"
        elif any(part.startswith(".") for part in parts):
            yield f"{member.filename}: hidden"
        elif _NOT_SHIPPED & set(parts[1:]) or any(part.endswith(".egg-info") for part in parts):
            yield f"{member.filename}: does not belong in the plugin"
        elif member.external_attr >> 28 == 0o12:
            yield f"{member.filename}: a link"


def _content(root: Path) -> Iterator[str]:
    for name in _FILES:
        if not (root / name).is_file():
            yield f"{name} is missing"
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        name = path.relative_to(root).as_posix()
        if path.suffix.lower() in _BINARY_SUFFIXES:
            yield f"{name}: a binary"
        elif path.suffix.lower() not in _MAY_HOLD_NULS and b"\0" in path.read_bytes():
            yield f"{name}: holds binary data"


def _metadata(root: Path) -> Iterator[str]:
    parser = configparser.ConfigParser()  # with interpolation, as the repository reads it
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read(root / "metadata.txt", encoding="utf-8")
        general = dict(parser["general"])
    except (configparser.Error, UnicodeDecodeError, KeyError) as error:
        yield f"metadata.txt: {error}"
        return
    for key in _REQUIRED:
        if not general.get(key, "").strip():
            yield f"metadata.txt: {key} is missing"
    version = general.get("version", "")
    for name, pattern in (("pyproject.toml", r'^version = "(.+)"'), ("__init__.py", r'^__version__ = "(.+)"')):
        match = re.search(pattern, _text(root / name), re.MULTILINE)
        if match is None or match[1] != version:
            yield f"metadata.txt: version {version} is not that of {name}"
    if "plugin" in general.get("name", "").lower():
        yield "metadata.txt: the name holds the word plugin"
    for key in ("homepage", "repository", "tracker"):
        if not general.get(key, "").startswith("https://"):
            yield f"metadata.txt: {key} is no https address"
    for word in ("torch", "rasterio"):
        if word not in general.get("about", ""):
            yield f"metadata.txt: about does not name {word}, which must be installed"
    if not (root / general.get("icon", "")).is_file():
        yield f"metadata.txt: there is no icon {general.get('icon')}"
    if general.get("hasProcessingProvider") != "yes":
        yield "metadata.txt: hasProcessingProvider is not yes, so qgis_process will not find it"


def _licence(root: Path) -> Iterator[str]:
    if "GNU GENERAL PUBLIC LICENSE" not in _text(root / "LICENSE"):
        yield "LICENSE: not the GPL"


def _syntax(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.py")):
        is_for_qgis = path.parent == root or path.is_relative_to(root / "qgis_plugin")
        try:
            ast.parse(path.read_bytes(), feature_version=_PYTHON_OF_QGIS if is_for_qgis else None)
        except SyntaxError as error:
            yield f"{path.relative_to(root)}: {error}"


def _bandit(root: Path) -> Iterator[str]:
    report = _json("bandit", "-q", "-r", ".", "-ll", "-f", "json", at=root)
    for finding in report["results"]:
        yield (
            f"bandit: {finding['filename']}:{finding['line_number']}: {finding['test_id']} {finding['issue_text']}"
            f" ({finding['issue_severity'].lower()})"
        )
    for error in report["errors"]:
        yield f"bandit: {error['filename']}: {error['reason']}"


def _secrets(root: Path) -> Iterator[str]:
    for name, found in _json("detect_secrets", "scan", "--all-files", ".", at=root)["results"].items():
        for secret in found:
            yield f"detect-secrets: {name}:{secret['line_number']}: {secret['type']}"


def _json(module: str, *arguments: str, at: Path) -> dict[str, list[dict[str, str]]]:
    """What a checker prints; its exit code says only whether it found something."""
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=at, capture_output=True, text=True, check=False
    )
    try:
        return json.loads(ran.stdout)
    except ValueError:
        sys.exit(f"{module} did not run; install it with: pip install -e '.[dev]'\n{ran.stderr}")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def main() -> None:
    """Print what is wrong and end with 1, or say that all is well."""
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/check_plugin_zip.py ZIP")
    path = Path(sys.argv[1])
    found = problems(path)
    if found:
        sys.exit("\n".join([f"{path} would be refused:", *found]))
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, all rules of the plugin repository are kept")


if __name__ == "__main__":
    main()
