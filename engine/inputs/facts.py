"""Facts of a scene, from its georeference and its tags.

They are rounded: they are part of a run's identity, and versions of PROJ differ in the last digits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TypeVar

from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer
from pyproj.exceptions import ProjError

from ..facts import SceneFacts
from .scene import Scene

# The date of a TIFF is often the one on which it was written, so it comes last.
_DATES = ("ACQUISITIONDATETIME", "ACQUISITION_DATE", "DATE_ACQUIRED", "PRODUCT_START_TIME", "TIFFTAG_DATETIME")
_CLOUDS = ("CLOUDCOVER", "CLOUD_COVER", "CLOUD_COVERAGE_ASSESSMENT")
# Moments and spans of time; the names by which products begin and end are those that a span has.
_MOMENTS, _START, _END = _DATES[:3], "PRODUCT_START_TIME", "PRODUCT_STOP_TIME"
# About a km; and what is delivered as 10 m has 10 m, not 9.996.
_DECIMALS, _DIGITS = 2, 3

Found = TypeVar("Found")


def facts_of(scene: Scene) -> SceneFacts:
    """The facts of a whole scene, whatever part of it is wanted."""
    place, gsd = _on_ground(scene.grid)
    return SceneFacts(place, gsd, _first(scene.tags, _CLOUDS, _share), _first(scene.tags, _DATES, _day))


def _on_ground(grid: GeoBox) -> tuple[tuple[float, float] | None, float | None]:
    """Longitude and latitude of the centre, and the ground size of the px there."""
    if grid.crs is None or grid.affine.is_identity:
        return None, None
    height, width = grid.shape
    row, column = height / 2, width / 2
    points = [grid.affine * point for point in ((column, row), (column + 1, row), (column, row + 1))]
    try:
        there = _to_degrees(grid.crs.to_wkt())
        (x, y), right, below = (there.transform(*point) for point in points)
    except ProjError:  # of a plane that lies nowhere on the Earth
        return None, None
    if not all(map(math.isfinite, (x, y, *right, *below))) or abs(y) > 90:
        return None, None
    geod = Geod(ellps="WGS84")
    gsd = math.sqrt(geod.inv(x, y, *right)[2] * geod.inv(x, y, *below)[2])
    # Some grids count degrees from 0 to 360.
    x = (x + 180) % 360 - 180
    return (round(x, _DECIMALS), round(y, _DECIMALS)), float(f"{gsd:.{_DIGITS}g}")


@lru_cache(maxsize=16)
def _to_degrees(wkt: str) -> Transformer:
    """Kept, as thousands of chips have one CRS."""
    return Transformer.from_crs(wkt, "OGC:CRS84", always_xy=True)


def _first(tags: Mapping[str, str], names: tuple[str, ...], read: Callable[[str], Found | None]) -> Found | None:
    """What the first of these tags that can be read says; their names count in any case of their letters."""
    known = {name.upper(): text for name, text in tags.items()}
    found = (read(known[name]) for name in names if name in known)
    return next((each for each in found if each is not None), None)


def _share(text: str) -> float | None:
    """0..1 of a text in percent."""
    try:
        share = float(text) / 100
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None


def _day(text: str) -> tuple[int, int, int] | None:
    found = re.match(r"\s*(\d{4})[-:/](\d{1,2})[-:/](\d{1,2})", text)
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups())
    try:
        date(year, month, day)
    except ValueError:
        return None
    return year, month, day


def times_of(tags: Mapping[str, str]) -> dict[str, str | None]:
    """When a scene was taken, as STAC has it: ``datetime``, or null and a span of time; empty where nothing says it."""
    moment = _first(tags, _MOMENTS, _moment)
    start, end = _first(tags, (_START,), _moment), _first(tags, (_END,), _moment)
    span: dict[str, str | None] = {"start_datetime": start, "end_datetime": end} if start and end else {}
    moment = moment or (None if span else start)
    return {"datetime": moment, **span} if moment or span else {}


def _moment(text: str) -> str | None:
    """A date and time as RFC 3339 has it; one without a zone is taken as UTC."""
    try:
        found = datetime.fromisoformat(re.sub(r"^(\d{4})[:/](\d\d)[:/](\d\d)", r"\1-\2-\3", text.strip()))
    except ValueError:
        return None
    return rfc3339(found if found.tzinfo is not None else found.replace(tzinfo=UTC))


def rfc3339(moment: datetime) -> str:
    """A moment in UTC, as RFC 3339 has it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
