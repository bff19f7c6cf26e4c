"""Run the notebooks of the documentation, and store what their cells show: ``python -m seamline.tools.notebooks``.

Cells are run as plain Python in a folder that goes afterwards, without Jupyter: what a cell ends in is shown by its
``_repr_html_`` and its ``repr``, and the figures that are open as pictures of few colours.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "notebooks"
_DPI, _COLOURS = 64, 256

Cell = dict[str, Any]


def code_cells(path: Path) -> list[Cell]:
    """The cells of a notebook that hold code, in order."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def run(cells: list[Cell], name: str) -> Iterator[list[Cell]]:
    """Run cells one after another in one namespace, in the folder of the process.

    Args:
        name: of the notebook, for traces.

    Yields:
        The outputs of each, as notebooks store them.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells, 1):
        yield _run("".join(cell["source"]), names, f"{name}, cell {number}")


def store(path: Path) -> None:
    """Run a notebook, and write it with its outputs."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, (cell, outputs) in enumerate(zip(cells, run(cells, path.name), strict=True), 1):
        cell["outputs"], cell["execution_count"] = outputs, number
        for output in outputs:
            if output["output_type"] == "execute_result":
                output["execution_count"] = number
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _run(source: str, names: dict[str, Any], where: str) -> list[Cell]:
    tree = ast.parse(source, where)
    # As in a notebook, what the last line gives is shown, unless it ends in a semicolon.
    shows = bool(tree.body) and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";")
    last = tree.body.pop() if shows else None
    said, value = io.StringIO(), None
    with contextlib.redirect_stdout(said):
        exec(compile(tree, where, "exec"), names)  # noqa: S102
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), where, "eval"), names)  # noqa: S307
    outputs = [{"output_type": "stream", "name": "stdout", "text": _lines(said.getvalue())}] if said.getvalue() else []
    if value is not None:
        outputs.append({"output_type": "execute_result", "metadata": {}, "data": _shown(value)})
    return outputs + [{"output_type": "display_data", "metadata": {}, "data": data} for data in _figures()]


def _shown(value: Any) -> dict[str, list[str]]:
    html = getattr(value, "_repr_html_", None)
    shown = {} if html is None else {"text/html": _lines(html())}
    return shown | {"text/plain": _lines(repr(value))}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _figures() -> Iterator[dict[str, str]]:
    """The open figures as PNG; they are closed."""
    from matplotlib import pyplot
    from PIL import Image

    for number in pyplot.get_fignums():
        full, small = io.BytesIO(), io.BytesIO()
        pyplot.figure(number).savefig(full, dpi=_DPI)
        Image.open(full).convert("RGB").quantize(_COLOURS, Image.Quantize.MAXCOVERAGE).save(small, "png", optimize=True)
        yield {"image/png": base64.b64encode(small.getvalue()).decode()}
    pyplot.close("all")


def main() -> None:
    """Store the outputs of every notebook anew."""
    import matplotlib

    matplotlib.use("Agg")
    for path in sorted(FOLDER.glob("*.ipynb")):
        with tempfile.TemporaryDirectory(prefix="seamline-") as folder, contextlib.chdir(folder):
            store(path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
