"""Made-up files of published models."""

from __future__ import annotations

from pathlib import Path

import pytest

from seamline.tests.models.salad_pan.made_up import Published, write


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("published")
    write(root)
    return root


@pytest.fixture
def published(written, tmp_path) -> Published:
    """Files of the published SALAD-Pan that a test may spoil."""
    for file in written.rglob("*"):
        if file.is_file():
            copy = tmp_path / "in" / file.relative_to(written)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    return Published(tmp_path / "in")
