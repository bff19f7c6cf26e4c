"""A model as a STAC item for catalogues: what goes in and comes out, by which licence, and which files it is.

STAC 1.1 with the extensions Machine Learning Model 1.4 (MLM), File 2.1, Scientific 1.0 and Version 1.2, and EO 2.0 and
Classification 2.0 where there are known bands and classes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from ...engine.contract import InputSpec, OutputSpec, Task
from ...engine.errors import RequestError
from ..folder import CARD, Card, Folder, StoredFile, load_folder, put_in_place, read_card, stored_file, verify_folder
from ..satdifuser.config import ARCHITECTURE as SATDIFUSER
from ..satdifuser.config import Config as SatDiFuser
from .onnx_file import exported

_EXTENSIONS = "https://stac-extensions.github.io/{}/schema.json"
_ALWAYS = ("mlm/v1.4.0", "file/v2.1.0", "scientific/v1.0.0", "version/v1.2.0")
_EO, _CLASSES = "eo/v2.0.0", "classification/v2.0.0"
_TASKS: Mapping[Task, str] = MappingProxyType(
    {
        "pansharpen": "super-resolution",
        "superres": "super-resolution",
        "segment": "semantic-segmentation",
        "classify": "scene-classification",
    }
)
_WORLD = (-180.0, -90.0, 180.0, 90.0)
_BEGIN, _END = "1900-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
# As the specification of STAC writes licences that have an identifier.
_IDENTIFIER = re.compile(r"[\w.+-]+")
_QUANTILE = (
    "each band divided by the value that 99.9 % of its valid pixels in the scene do not exceed; nothing is clipped"
)
# Type and length of a sha256 as a multihash, which the File extension wants.
_SHA256 = "1220"


def export_item(origin: Path, out: Path) -> list[Path]:
    """Write ``NAME.stac.json`` into a folder, with the files of the model beside it.

    The ONNX file of the same model, where ``onnx_file.export_onnx`` left one there, is an asset too.

    Args:
        origin: the model folder.
        out: folder for all, made where it is missing; it is then a model folder as well.

    Returns:
        The paths of item, card and weights.

    Raises:
        RequestError: another model lies there.
        ModelError: the model is incomplete or altered.
    """
    folder, state = load_folder(origin)
    out.mkdir(parents=True, exist_ok=True)
    if not (out / CARD).exists():
        for name in (*folder.card.files, CARD):
            put_in_place(out / name, partial(shutil.copyfile, origin / name))
    elif read_card(out).digest != folder.digest:
        raise RequestError("another model lies here", where=str(out), fix="name another folder")
    verify_folder(out)
    text = json.dumps(item_of(folder, state, out), indent=2, ensure_ascii=False) + "\n"
    item = out / f"{folder.card.name}.stac.json"
    put_in_place(item, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return [item, out / CARD, *(out / name for name in folder.card.files)]


def item_of(folder: Folder, state: Mapping[str, torch.Tensor], out: Path) -> dict[str, Any]:
    """The item of a model; the same model and folder give the same item.

    Args:
        folder: of the model.
        state: its tensors.
        out: folder of the item, in which the files of the model lie.
    """
    card = folder.card
    bands = {each.name: _bands(card, each) for each in card.spec.inputs}
    used = [*_ALWAYS, *([_EO] if any(bands.values()) else [])]
    outputs = [_output(card, each) for each in card.spec.outputs]
    used += [_CLASSES] if any("classification:classes" in each for each in outputs) else []
    west, south, east, north = _WORLD
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [_EXTENSIONS.format(name) for name in used],
        "id": f"{card.name}-{card.version}",
        # A model is tied to no place and no time.
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": list(_WORLD),
        "properties": {
            "datetime": None,
            "start_datetime": _BEGIN,
            "end_datetime": _END,
            "description": f"Licence: {card.licence}. Trained on: {card.training_data}",
            "license": card.licence if _IDENTIFIER.fullmatch(card.licence) else "other",
            "version": card.version,
            "sci:citation": card.citation,
            **({"bands": named} if (named := [band for each in bands.values() for band in each]) else {}),
            "mlm:name": card.name,
            "mlm:architecture": card.architecture.name,
            "mlm:tasks": _tasks(card),
            "mlm:framework": "PyTorch",
            "mlm:framework_version": torch.__version__,
            "mlm:total_parameters": sum(value.numel() for value in state.values()),
            "mlm:memory_size": sum(value.numel() * torch.float32.itemsize for value in state.values()),
            "mlm:pretrained": True,
            "mlm:pretrained_source": card.training_data,
            "mlm:batch_size_suggestion": card.batch,
            "mlm:accelerator": None,
            "mlm:accelerator_constrained": False,
            "mlm:accelerator_summary": "runs on a processor or on a GPU with CUDA",
            "mlm:input": [_input(card, each, bands[each.name]) for each in card.spec.inputs],
            "mlm:output": outputs,
            "mlm:hyperparameters": {
                name: getattr(card, name) for name in ("scale", "patch", "tile", "overlap", "margin", "align")
            },
        },
        "links": [],
        "assets": _assets(folder, out, [band["name"] for each in bands.values() for band in each]),
    }


def _tasks(card: Card) -> list[str]:
    return [_TASKS[card.task], *(["generative"] if card.generated and card.stochastic else [])]


def _bands(card: Card, given: InputSpec) -> list[dict[str, Any]]:
    """What is known of the bands of an input; empty where any will do."""
    if given.name == "pan":
        return [{"name": "pan", "eo:common_name": "pan"}]
    if card.architecture.name != SATDIFUSER:
        return []
    return [
        {"name": f"{given.name}-{i}"} | ({} if band.wavelength is None else {"eo:center_wavelength": band.wavelength})
        for i, band in enumerate(SatDiFuser.of(card.architecture.config).bands, 1)
    ]


def _input(card: Card, given: InputSpec, bands: list[dict[str, Any]]) -> dict[str, Any]:
    side = card.tile * given.finer
    told = [f"{given.bands} band(s)" if given.bands else "any number of bands", "on the grid of the finest input"]
    if given.finer > 1:
        told.append(f"{given.finer} times as fine as that")
    if given.role == "guide":
        told.append("may be left out")
    if given.ratio is not None:
        told.append(f"sampled from pixels of {given.ratio[0]:g} to {given.ratio[1]:g} of its own")
    return {
        "name": given.name,
        "bands": [band["name"] for band in bands],
        "description": ", ".join(told),
        "input": {
            "shape": [-1, given.bands or -1, side, side],
            "dim_order": ["batch", "bands" if bands else "channel", "height", "width"],
            "data_type": "float32",
        },
        "value_scaling": _scaling(card, given),
        "resize_type": None,
        "pre_processing_function": None,
    }


def _scaling(card: Card, given: InputSpec) -> list[dict[str, Any]] | None:
    """How stored values become those that the network sees."""
    if card.architecture.name == SATDIFUSER:
        return [{"type": "scale", "value": level} for level in SatDiFuser.of(card.architecture.config).levels]
    if given.bits is not None and given.range == "bits":
        return [{"type": "scale", "value": 2**given.bits - 1}]
    if given.range == "unit":
        return [{"type": "processing", "format": "text", "expression": _QUANTILE}]
    return None


def _output(card: Card, given: OutputSpec) -> dict[str, Any]:
    side = card.tile * card.scale // card.patch
    note = given.note.replace("{image}", card.spec.outputs[0].name)
    return {
        "name": given.name,
        "tasks": [_TASKS[card.task]],
        **({"description": note} if note else {}),
        "result": {
            "shape": [-1, given.planes or -1, side, side],
            "dim_order": ["batch", "class" if given.decides else "channel", "height", "width"],
            "data_type": "float32",
        },
        **(
            {
                "classification:classes": [
                    {
                        "value": number,
                        "name": re.sub(r"[^\w-]+", "-", each.name),
                        "title": each.name,
                        "description": each.name,
                        "color_hint": "{:02X}{:02X}{:02X}".format(*each.colour),
                    }
                    for number, each in enumerate(given.categories)
                ]
            }
            if given.categories
            else {}
        ),
        "post_processing_function": None,
    }


def _assets(folder: Folder, out: Path, bands: list[str]) -> dict[str, Any]:
    card = folder.card
    weights = {
        "roles": ["mlm:model", "mlm:weights"],
        "mlm:artifact_type": "safetensors.torch.save_file",
        # Items have bands where an asset has them.
        **({"bands": [{"name": name} for name in bands]} if bands else {}),
    }
    found = {
        name.removesuffix(".safetensors"): _asset(name, stored, "application/octet-stream; framework=pytorch") | weights
        for name, stored in card.files.items()
    }
    found["card"] = _asset(CARD, stored_file(out / CARD), "application/json") | {"roles": ["metadata"]}
    if (stored := exported(folder, out)) is not None:
        graph = {"roles": ["mlm:model", "mlm:compiled"], "mlm:artifact_type": "torch.onnx.export"}
        found["onnx"] = _asset(f"{card.name}.onnx", stored, "application/octet-stream; framework=onnx") | graph
    return found


def _asset(name: str, stored: StoredFile, kind: str) -> dict[str, Any]:
    return {
        "href": f"./{name}",
        "title": name,
        "type": kind,
        "file:size": stored.bytes,
        "file:checksum": _SHA256 + stored.sha256,
    }
