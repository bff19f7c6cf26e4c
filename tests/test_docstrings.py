"""The checker of docstrings finds what they leave out, passes those that say it, and has nothing to say of the code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import check_docstrings  # noqa: E402

ARRAYS = "import torch\nfrom numpy.typing import NDArray\n"


def problems(source: str) -> str:
    return "\n".join(check_docstrings.problems(ARRAYS + source, "x.py"))


def function(signature: str, doc: str) -> str:
    return f'def f({signature}:\n    """{doc}\n\n    And more.\n    """\n'


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (function("x: torch.Tensor) -> None", "Look at an image."), "f: the array x has no shape"),
        (function("x: NDArray[float] | None) -> None", "Look at an image."), "f: the array x has no shape"),
        (function("x: list[torch.Tensor]) -> None", "Look at images."), "f: the array x has no shape"),
        (function("n: int) -> torch.Tensor", "Make an image."), "f: what it returns has no shape"),
        (function("n: int) -> tuple[torch.Tensor, int]", "Make an image (or not)."), "f: what it returns has no shape"),
        (
            function(
                "a: torch.Tensor, b: torch.Tensor) -> None", "Add.\n\n    Args:\n        a: (B, C).\n        b: too."
            ),
            "f: the array b has no shape",
        ),
        ("Image = NDArray[int]\n" + function("x: Image) -> None", "Look at it."), "f: the array x has no shape"),
        (function("margin: int) -> None", "Cut the rim off."), "f: the length margin has no unit"),
        (function("n: int) -> None", "Do.\n\n    Args:\n        m: how many."), "f: there is no argument m"),
        (
            function("n: int) -> None", "Do.\n\n    Raises:\n        GoneError: never."),
            "f: there is no error GoneError",
        ),
        (
            'class A:\n    """Is.\n\n    Attributes:\n        b: what.\n    """\n    a: int\n',
            "A: there is no attribute b",
        ),
        ('class A:\n    """Is.\n\n    More.\n    """\n    a: torch.Tensor\n', "A: the array a has no shape"),
        (
            'class A:\n    """Is."""\n'
            '    def f(self, x: torch.Tensor) -> None:\n        """Look.\n\n        More.\n        """\n',
            "A.f: the array x has no shape",
        ),
    ],
)
def test_what_a_docstring_leaves_out_is_found(source, sentence):
    assert sentence in problems(source)


@pytest.mark.parametrize(
    "source",
    [
        function("x: torch.Tensor) -> torch.Tensor", "(N, C, h, w) to the same shape."),
        function("x: torch.Tensor) -> torch.Tensor", "As ``other``."),
        function("x: torch.Tensor) -> None", "Look.\n\n    Args:\n        x: (N, image channels, H / 2, W)."),
        function("x: NDArray[float], y: NDArray[float]) -> None", "Look.\n\n    Args:\n        x, y: (rows, columns)."),
        'def f(x: torch.Tensor) -> None:\n    """Look."""\n',
        function("state: dict[str, torch.Tensor]) -> None", "Load tensors by their names."),
        'Image = NDArray[int]\n"""(rows, columns)."""\n' + function("x: Image) -> None", "Look at it."),
        function("margin: int) -> None", "Cut so many px off."),
        function("n: int) -> None", "Do.\n\n    Raises:\n        ValueError: always."),
        'def _f(x: torch.Tensor) -> None:\n    """Look."""\n',
        'class _A:\n    """Is."""\n    a: torch.Tensor\n',
        'class A:\n    """Is.\n\n    Attributes:\n        a: (C,).\n        b: how.\n    """\n    a: torch.Tensor\n'
        '    @property\n    def b(self) -> int:\n        """How many."""\n',
        'class A:\n    """Is."""\n    a: torch.Tensor\n    """(C,)."""\n',
    ],
)
def test_what_says_it_passes(source):
    assert problems(source) == ""


def test_the_checker_has_nothing_to_say_of_the_code():
    said = subprocess.run(
        [sys.executable, "tools/check_docstrings.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stderr) == (0, "")
