"""Plans as JSON: frozen dataclasses, tuples, mappings, paths and grids, there and back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from affine import Affine
from odc.geo.geobox import GeoBox


def to_jsonable(value: Any) -> Any:
    """Plain JSON values; floats keep every bit, NaN and infinities become strings."""
    if isinstance(value, GeoBox):
        crs = value.crs.to_wkt() if value.crs is not None else None
        return {"shape": list(value.shape), "affine": list(value.affine)[:6], "crs": crs}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, (frozenset, set)):
        return sorted(to_jsonable(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [to_jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def from_jsonable(kind: Any, data: Any) -> Any:
    """The value of type ``kind`` that ``to_jsonable`` turned into ``data``."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        options = [option for option in get_args(kind) if option is not type(None)]
        return None if data is None else from_jsonable(options[0], data)
    if kind is GeoBox:
        return GeoBox(tuple(data["shape"]), Affine(*data["affine"]), data["crs"])
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{name: from_jsonable(hints[name], item) for name, item in data.items()})
    if origin is tuple:
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(from_jsonable(inner[0], item) for item in data)
        return tuple(from_jsonable(part, item) for part, item in zip(inner, data, strict=True))
    if origin is frozenset:
        return frozenset(from_jsonable(get_args(kind)[0], item) for item in data)
    if origin is dict or origin is Mapping:
        return {key: from_jsonable(get_args(kind)[1], item) for key, item in data.items()}
    if origin is Literal:
        return data
    return float(data) if kind is float else data


def digest(data: Any) -> str:
    """sha256 of the canonical JSON text."""
    text = json.dumps(to_jsonable(data), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
