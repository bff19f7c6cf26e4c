"""A model's network as an ONNX file that gives, in another program, what it gives here; it is in place once that is so.

Beside it lies a JSON file that says what goes in and comes out, and how far the two programs came apart.
"""

from __future__ import annotations

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch

from ...engine.errors import ModelError, RequestError
from ...engine.serial import to_jsonable
from ..folder import Card, Folder, StoredFile, load_folder, put_in_place, stored_file
from .graph import Graph, Port, graph_of, rounding

NEEDED = ("onnx", "onnxruntime")
"""Packages of the extra ``export``."""

_SEED = 1
_OPSET = 18


@dataclass(frozen=True, slots=True)
class Described:
    """A tensor of the file, float32.

    Attributes:
        name: of the tensor.
        axes: in order: a number, or how the length grows with the number of ``rows``, ``columns`` and so on.
        about: what it holds, in which range.
    """

    name: str
    axes: tuple[int | str, ...]
    about: str

    @classmethod
    def of(cls, port: Port) -> Described:
        """Of an input or output of a graph."""
        axes = tuple(axis if isinstance(axis, int) else str(axis) for axis in port.axes)
        return cls(port.name, axes, port.about)


@dataclass(frozen=True, slots=True)
class Checked:
    """How far a file came apart from the network.

    Attributes:
        by: programs and their versions.
        cells: at which sizes, by the names of the axes.
        apart: for each output the largest difference of any value, in its unit.
        allowed: what rounding can make of it; see ``graph.rounding``.
    """

    by: Mapping[str, str]
    cells: tuple[Mapping[str, int], ...]
    apart: Mapping[str, float]
    allowed: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """What the JSON file beside an ONNX file says.

    Attributes:
        file: name of the ONNX file, beside this one.
        sha256, bytes: of it.
        model: name, version and hash of the model.
        licence, citation: of the model.
        inputs, outputs: its tensors.
        checked: against the network.
    """

    file: str
    sha256: str
    bytes: int
    model: str
    licence: str
    citation: str
    inputs: tuple[Described, ...]
    outputs: tuple[Described, ...]
    checked: Checked


def exported(folder: Folder, out: Path) -> StoredFile | None:
    """What the ONNX file of a model is that lies in a folder; None where none does, or that of another version."""
    file, beside = _places(folder.card, out)
    try:
        said = json.loads(beside.read_text(encoding="utf-8"))
        stored = stored_file(file)
    except (OSError, ValueError):
        return None
    same = isinstance(said, dict) and (said.get("model"), said.get("sha256")) == (folder.identity, stored.sha256)
    return stored if same else None


def _places(card: Card, out: Path) -> tuple[Path, Path]:
    """The ONNX file of a model in a folder, and the JSON file beside it."""
    return out / f"{card.name}.onnx", out / f"{card.name}.onnx.json"


def export_onnx(origin: Path, out: Path) -> list[Path]:
    """Write the network of a model folder as ``NAME.onnx``, and ``NAME.onnx.json`` beside it.

    Args:
        origin: the model folder.
        out: folder for both, made where it is missing; files of these names are replaced.

    Returns:
        Both paths.

    Raises:
        RequestError: a package is missing, or there is no graph of this architecture.
        ModelError: the model is incomplete or altered, its network can be no graph, or the file does not give what the
            network gives.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise RequestError(
            f"{', '.join(missing)} is not installed", where="--format onnx", fix="pip install 'seamline[export]'"
        )
    folder, state = load_folder(origin)
    graph, card = graph_of(folder, state), folder.card
    out.mkdir(parents=True, exist_ok=True)
    (file, beside), found = _places(card, out), list[Checked]()

    def write(temporary: Path) -> None:
        _write(graph, folder, temporary)
        found.append(_check(graph, temporary, card.name))

    put_in_place(file, write)
    stored = stored_file(file)
    said = OnnxFile(
        file.name,
        stored.sha256,
        stored.bytes,
        folder.identity,
        card.licence,
        card.citation,
        tuple(Described.of(port) for port in graph.inputs),
        tuple(Described.of(port) for port in graph.outputs),
        found[0],
    )
    text = json.dumps(to_jsonable(said), indent=2, ensure_ascii=False) + "\n"
    put_in_place(beside, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return [file, beside]


def _write(graph: Graph, folder: Folder, file: Path) -> None:
    ports = (*graph.inputs, *graph.outputs)
    free = {
        port.name: {place: str(axis) for place, axis in enumerate(port.axes) if not isinstance(axis, int)}
        for port in ports
    }
    with _quiet():
        # By tracing: with sizes as symbols the newer way takes minutes for a small student.  What tracing holds fast at
        # one size is found by the check at another.
        torch.onnx.export(
            graph.network,
            _drawn(graph, graph.cells[0]),
            file,
            dynamo=False,
            opset_version=_OPSET,
            input_names=[port.name for port in graph.inputs],
            output_names=[port.name for port in graph.outputs],
            dynamic_axes=free,
        )
    onnx = import_module("onnx")
    model = onnx.load(file)
    said = {"model": folder.identity, "licence": folder.card.licence, "citation": folder.card.citation}
    onnx.helper.set_model_props(model, said)
    onnx.checker.check_model(model)
    onnx.save(model, file)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def _drawn(graph: Graph, cells: Mapping[str, int]) -> tuple[torch.Tensor, ...]:
    return graph.draw(cells, torch.Generator().manual_seed(_SEED))


def _check(graph: Graph, file: Path, name: str) -> Checked:
    """Run a file on random tiles of several sizes.

    Raises:
        ModelError: a value is farther from the network's than rounding can bring it.
    """
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])
    share = rounding(graph.network)
    apart = dict.fromkeys((port.name for port in graph.outputs), 0.0)
    allowed = dict.fromkeys(apart, 0.0)
    for cells in graph.cells:
        tensors = _drawn(graph, cells)
        with torch.inference_mode():
            expected = graph.network(*tensors)
        given = {port.name: tensor.numpy() for port, tensor in zip(graph.inputs, tensors, strict=True)}
        for port, one, other in zip(graph.outputs, expected, session.run(None, given), strict=True):
            if port.shape(cells) != tuple(other.shape):
                raise _unlike(name, f"{port.name} has the shape {tuple(other.shape)}, not {port.shape(cells)}")
            apart[port.name] = max(apart[port.name], float((one - torch.from_numpy(other)).abs().max()))
            allowed[port.name] = max(allowed[port.name], share * float(one.abs().max()))
    for key, most in allowed.items():
        if not apart[key] <= most:
            raise _unlike(name, f"values of {key} differ by {apart[key]:.3g}, where rounding makes {most:.3g} at most")
    by = {package: version(package) for package in ("torch", "onnxruntime")}
    return Checked(by, graph.cells, apart, allowed)


def _unlike(name: str, what: str) -> ModelError:
    return ModelError(
        f"the graph does not give what the network gives: {what}",
        where=name,
        fix="report it with the versions of torch and onnxruntime",
    )
