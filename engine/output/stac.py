"""The STAC item of a run: where and when its outputs are, what their bands mean, and how they were made.

STAC 1.1 with the extensions Projection 2.0, EO 2.0, Raster 2.0 and Processing 1.2.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely import Polygon, box, union_all
from shapely.affinity import translate
from shapely.geometry import mapping

from ... import __version__
from ..inputs.facts import rfc3339, times_of
from ..inputs.scene import Band
from ..plan.plan import Output, Plan
from .report import note_of

_EXTENSIONS = "https://stac-extensions.github.io/{}/schema.json"
_CLOUDS = ("CLOUDCOVER", "CLOUD_COVER", "CLOUD_COVERAGE_ASSESSMENT")
# Names that the EO extension knows.
_COMMON = frozenset(
    (
        *("pan", "coastal", "blue", "green", "green05", "yellow", "red", "rededge", "rededge071", "rededge075"),
        *("rededge078", "nir", "nir08", "nir09", "cirrus", "swir16", "swir22", "lwir", "lwir11", "lwir12"),
    )
)
# Points along each side of an outline, which is curved in degrees.
_ALONG = 16


def item_of(plan: Plan, out: Path, created: datetime) -> dict[str, Any]:
    """The item of the outputs of a plan.

    Args:
        out: the first output; the others lie beside it.
        created: when.
    """
    grid = plan.output.grid
    places = dict(zip((output.name for output in plan.kept), plan.destinations(out), strict=True))
    assets = {output.name: _asset(plan, output, places[output.name], out) for output in plan.kept}
    names = {
        key.partition(":")[0] for asset in assets.values() for band in asset["bands"] for key in band if ":" in key
    }
    properties: dict[str, Any] = {
        **times_of(plan.scene.tags),
        "created": rfc3339(created),
        "processing:software": {"Seamline": __version__},
        "processing:lineage": f"{plan.task} by {plan.model}, run {plan.identity}",
    }
    cloud = next((plan.scene.tags[name] for name in _CLOUDS if name in plan.scene.tags), None)
    if cloud is not None and re.fullmatch(r"\d+(\.\d*)?", cloud.strip()) and float(cloud) <= 100:
        properties["eo:cloud_cover"] = float(cloud)
        names.add("eo")
    versions = {"eo": "eo/v2.0.0", "raster": "raster/v2.0.0"}
    used = ["processing/v1.2.0", *(versions[name] for name in sorted(names))]
    place: dict[str, Any] = {"geometry": None}
    if grid.crs is not None:
        used.append("projection/v2.0.0")
        properties |= _projection(grid, grid.crs)
        place = _outline(grid, grid.crs)
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [_EXTENSIONS.format(name) for name in used],
        "id": out.stem,
        **place,
        "properties": properties,
        "links": [],
        "assets": assets,
    }


def _asset(plan: Plan, output: Output, path: Path, out: Path) -> dict[str, Any]:
    return {
        "href": f"./{path.name}",
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "title": output.name,
        "description": note_of(plan, output, out),
        "roles": ["data"],
        "data_type": output.dtype,
        **({} if output.nodata is None else {"nodata": _number(output.nodata)}),
        "bands": [_band(band, i) for i, band in enumerate(output.bands, 1)],
    }


def _band(band: Band, number: int) -> dict[str, Any]:
    known = next((name for name in (band.name.lower(), band.colour) if name in _COMMON), None)
    return {
        "name": band.name or f"band{number}",
        **({} if known is None else {"eo:common_name": known}),
        **({"unit": band.unit} if band.unit else {}),
        **(
            {}
            if (band.scale, band.offset) == (1.0, 0.0)
            else {"raster:scale": band.scale, "raster:offset": band.offset}
        ),
    }


def _number(value: float) -> float | str:
    """JSON has no numbers that are none."""
    return value if math.isfinite(value) else str(value)


def _projection(grid: GeoBox, crs: CRS) -> dict[str, Any]:
    height, width = grid.shape
    code = crs.to_epsg()
    return {
        "proj:code": None if code is None else f"EPSG:{code}",
        **({"proj:wkt2": crs.to_wkt()} if code is None else {}),
        "proj:shape": [int(height), int(width)],
        "proj:transform": [float(term) for term in list(grid.affine)[:6]],
        "proj:bbox": [float(edge) for edge in grid.boundingbox.bbox],
    }


def _outline(grid: GeoBox, crs: CRS) -> dict[str, Any]:
    """Outline and box in degrees; both are cut at the antimeridian, as GeoJSON has it."""
    height, width = grid.shape
    steps = [i / _ALONG for i in range(_ALONG)]
    corners = [(0, 0), (0, height), (width, height), (width, 0), (0, 0)]
    ring = [
        grid.affine * (x + step * (right - x), y + step * (below - y))
        for (x, y), (right, below) in pairwise(corners)
        for step in steps
    ]
    xs, ys = zip(*ring, strict=True)
    east, north = Transformer.from_crs(crs.to_wkt(), "OGC:CRS84", always_xy=True).transform(xs, ys)
    # Neighbours along the ring are near each other, whichever way their degrees are counted.
    unrolled = [east[0]]
    for value in east[1:]:
        unrolled.append(value - 360 * round((value - unrolled[-1]) / 360))
    whole = Polygon(zip(unrolled, north, strict=True))
    turns = ((turn, whole & box(turn - 180, -90, turn + 180, 90)) for turn in (-360, 0, 360))
    parts = [translate(part, -turn) for turn, part in turns if part.area > 0]
    west, south, right, top = parts[0].bounds if len(parts) == 1 else whole.bounds
    if len(parts) > 1:
        west, right = ((edge + 180) % 360 - 180 for edge in (west, right))
    return {"geometry": mapping(union_all(parts)), "bbox": [west, south, right, top]}
