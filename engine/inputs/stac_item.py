"""STAC items as inputs: which files their assets are, and what the item says of their bands.

``ITEM.json#ASSET,ASSET`` takes the bands of assets one after another.  The common metadata, ``raster`` and ``eo`` of
STAC 1.0 and 1.1 are read; where the pixels lie is for the files themselves to say.  Items are data of strangers: they
are read up to a size, and name no file of this machine outside their folder unless virtual rasters may.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import RequestError
from ..request import OpenPolicy
from .addresses import is_address
from .archives import exists
from .dataset_files import leaves
from .remote import content_of
from .scene import Band

_SOURCE = re.compile(r"(?P<item>.+\.(?:geo)?json)(?:#(?P<assets>.*))?", re.IGNORECASE)
_LARGEST_ITEM = 4 * 2**20
_COLOURS = ("red", "green", "blue")
# Tags of rasters that say the same, from which facts of a scene are taken.
_TAGS = {
    "datetime": "ACQUISITIONDATETIME",
    "start_datetime": "PRODUCT_START_TIME",
    "end_datetime": "PRODUCT_STOP_TIME",
    "eo:cloud_cover": "CLOUDCOVER",
}


@dataclass(frozen=True, slots=True)
class _Said:
    """What an item says of a band; None or empty for nothing."""

    name: str = ""
    common: str = ""
    unit: str = ""
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of an item.

    Attributes:
        name: its key.
        path: of the file, local or an address.
        said: of its bands, in order; empty where the item says nothing of them.
    """

    name: str
    path: str
    said: tuple[_Said, ...]

    def restated(self, bands: Sequence[Band]) -> tuple[Band, ...]:
        """The file's bands, with what the item says of them in place of what the file does.

        Raises:
            RequestError: the item speaks of other bands.
        """
        if self.said and len(self.said) != len(bands):
            raise RequestError(
                f"its item speaks of {len(self.said)} band(s) of the asset {self.name}, but it has {len(bands)}",
                where=self.path,
                fix="correct the item, or give the file itself",
            )
        alone = self.name if len(bands) == 1 else ""
        shared = Counter(said.common for said in self.said)
        return tuple(
            replace(
                band,
                name=(said.common if shared[said.common] == 1 else "") or said.name or band.name or alone,
                unit=said.unit or band.unit,
                colour=said.common if said.common in _COLOURS else band.colour,
                scale=band.scale if said.scale is None else said.scale,
                offset=band.offset if said.offset is None else said.offset,
                nodata=band.nodata if said.nodata is None else said.nodata,
            )
            for band, said in zip(bands, self.said or (_Said(),) * len(bands), strict=True)
        )


@dataclass(frozen=True, slots=True)
class Item:
    """An item, as far as it was asked for.

    Attributes:
        source: as the user gave it.
        assets: in the order of the source.
        tags: when the scene was taken, and how cloudy it was, as tags of a raster.
    """

    source: str
    assets: tuple[Asset, ...]
    tags: Mapping[str, str] = field(hash=False)


def find_item(source: str, policy: OpenPolicy) -> Item | None:
    """The STAC item that a source names; None where it is something else.

    Raises:
        RequestError: it cannot be read, is no item, or has no such asset.
        RunError: a server does not answer.
    """
    found = _SOURCE.fullmatch(source)
    if found is None or (found["assets"] is not None and exists(source)):
        return None
    place = found["item"]
    item = _read(place, policy)
    assets = item.get("assets")
    if item.get("type") != "Feature" or "stac_version" not in item or not isinstance(assets, dict):
        raise RequestError("it is no STAC item", where=place, fix="give a raster, or an item of STAC 1.0 or 1.1")
    names = [name for name in (found["assets"] or "").split(",") if name]
    for name in names or [""]:
        if not isinstance(assets.get(name), dict):
            what = f"the item has no asset {name}" if name else "no asset of the item is named"
            known = ", ".join(list(assets)[:20]) or "none"
            raise RequestError(what, where=place, fix=f"give {place}#NAME with names of {known}")
    own = item.get("properties")
    properties: dict[str, Any] = own if isinstance(own, dict) else {}
    tags = {tag: str(properties[name]) for name, tag in _TAGS.items() if properties.get(name) is not None}
    return Item(source, tuple(_asset(name, assets[name], place, policy) for name in names), tags)


def _read(place: str, policy: OpenPolicy) -> dict[str, Any]:
    if is_address(place):
        content = content_of(place, policy, _LARGEST_ITEM)
    elif not exists(place):
        raise RequestError("the file does not exist", where=place, fix="check the path")
    elif Path(place).stat().st_size > _LARGEST_ITEM:
        raise RequestError(f"it is larger than {_LARGEST_ITEM // 2**20} MiB", where=place, fix="give a raster")
    else:
        content = Path(place).read_bytes()
    try:
        item = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RequestError("it is not JSON", where=place, fix="give a raster, or an item of STAC 1.0 or 1.1") from error
    return item if isinstance(item, dict) else {}


def _asset(name: str, asset: Mapping[str, Any], place: str, policy: OpenPolicy) -> Asset:
    href = asset.get("href")
    if not isinstance(href, str) or not href:
        raise RequestError(f"its asset {name} has no address", where=place, fix="fetch the item again")
    own = asset.get("bands") or []
    lists = [each if isinstance(each, list) else [] for each in (own, asset.get("eo:bands"), asset.get("raster:bands"))]
    count = max(map(len, lists))
    if not count and any(key in asset for key in ("raster:scale", "raster:offset", "nodata")):
        count = 1
    said = []
    for i in range(count):
        # What stands with the asset holds for each of its bands.
        merged = dict(asset)
        for each in lists:
            if i < len(each) and isinstance(each[i], dict):
                merged |= each[i]
        said.append(_said(merged, place))
    return Asset(name, _path(href, name, place, policy), tuple(said))


def _said(band: Mapping[str, Any], place: str) -> _Said:
    def text(*keys: str) -> str:
        return next((value for key in keys if isinstance(value := band.get(key), str)), "")

    def number(*keys: str) -> float | None:
        value = next((band[key] for key in keys if band.get(key) is not None), None)
        try:
            return None if value is None else float(value)
        except (TypeError, ValueError):
            raise RequestError(
                f"it has {str(value)[:40]!r} as {keys[-1]}", where=place, fix="fetch the item again"
            ) from None

    scale, offset = number("raster:scale", "scale"), number("raster:offset", "offset")
    if scale == 0 or not all(math.isfinite(value) for value in (scale, offset) if value is not None):
        raise RequestError(f"it has {scale} as scale and {offset} as offset", where=place, fix="fetch the item again")
    return _Said(text("name"), text("eo:common_name", "common_name"), text("unit"), scale, offset, number("nodata"))


def _path(href: str, name: str, place: str, policy: OpenPolicy) -> str:
    """The path of an asset, which counts from the item's place."""
    if is_address(href):
        return href
    if is_address(place):
        if leaves(href.removeprefix("./")):
            raise _outside(name, place, "give the address of the file itself")
        return place.rpartition("/")[0] + "/" + href.removeprefix("./")
    if leaves(href.removeprefix("./")) and not policy.vrt:
        raise _outside(name, place, "pass --allow-vrt if you trust the files that it names")
    return str(Path(place).parent / href)


def _outside(name: str, place: str, fix: str) -> RequestError:
    return RequestError(f"its asset {name} lies outside its folder", where=place, fix=fix)
