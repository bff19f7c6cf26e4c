"""Whether a guide fits the run: its bands, its pixels, its ground; refused before anything is computed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path

from odc.geo.geobox import GeoBox

from ..contract import InputSpec, ModelSpec
from ..errors import ModelError, RequestError, UnusedGuideWarning
from ..ground import grids
from ..ground.grids import Window
from ..ground.relation import between
from .guide import guide_cells
from .scene import Scene


def with_bands_of(main: Scene, guide: Scene, spec: ModelSpec, described: Callable[[tuple[str, ...]], Scene]) -> Scene:
    """The guide with the bands of the main input, in their order: by their names, or as it is where it has as many.

    Args:
        described: the guide again, with the bands of these names.

    Raises:
        ModelError: neither names nor counts tell which band is which.
    """
    wanted, own = ([band.name for band in scene.bands] for scene in (main, guide))
    if own == wanted:
        return guide
    if all(wanted) and len(set(wanted)) == len(wanted) and set(wanted) <= set(own):
        return described(tuple(wanted))
    if len(own) == len(wanted):
        return guide
    raise ModelError(
        f"it has {len(own)} band(s) and {main.source} {len(wanted)}, and {spec.name} takes the same of both",
        where=guide.source,
        fix="choose those of the image with --bands, or give a file with as many bands in the same order",
    )


def check_guide(base: GeoBox, main: Scene, guide: Scene, wanted: InputSpec) -> None:
    """Refuse a guide that cannot be laid on the base grid, or could tell nothing anywhere.

    Args:
        wanted: what the model says of the guide.

    Raises:
        RequestError: one of them has no CRS, both are one file, or pixels that are to be finer are not.
    """
    if base.affine.is_identity:
        raise RequestError(
            f"it has no georeference, so {guide.name} cannot be laid on it",
            where=main.source,
            fix="assign one with gdal_edit.py -a_ullr",
        )
    between(base, guide.grid, base_name=main.source, other_name=guide.source)
    if _one_file(main, guide):
        raise RequestError(
            f"it is the {main.name} itself", where=guide.source, fix=f"give another file as {guide.name}"
        )
    if wanted.finer > 1 and grids.one_plane(base.crs, guide.grid.crs) and _is_no_finer(base, guide.grid):
        raise RequestError(
            f"its pixels are no finer than those of {main.source}",
            where=guide.source,
            fix=f"give a finer {guide.name}, or leave it out",
        )


def warn_if_elsewhere(base: GeoBox, main: Scene, guide: Scene, kernel: str) -> None:
    """Warn of a guide that has no ground in common with the image."""
    cells = [guide_cells(part.grid, base, name=guide.source) for part in guide.parts]
    if all(each.touched(Window(0, 0, *base.shape), kernel) is None for each in cells):
        text = f"{guide.source}: it has no ground in common with {main.source}, so nothing is taken from it"
        warnings.warn(UnusedGuideWarning(text + "; check the georeference of both"), stacklevel=3)


def _one_file(main: Scene, guide: Scene) -> bool:
    mine, others = ({band.path for band in scene.bands} for scene in (main, guide))
    return any(
        one == other or (Path(one).exists() and Path(other).exists() and Path(one).samefile(other))
        for one, other in product(mine, others)
    )


def _is_no_finer(base: GeoBox, grid: GeoBox) -> bool:
    return min(grids.ratio(base, grid)) >= 1.0 - 1e-6
