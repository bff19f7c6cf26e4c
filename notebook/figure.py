"""Quick looks as matplotlib draws them; the only module that imports it, and only when something is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from odc.geo.geobox import GeoBox

from ..engine.errors import RequestError
from .grid import unit_of
from .look import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIDE_INCHES, _TICKS = 4.2, 3


def drawn(views: Sequence[View], axes: Sequence[Axes]) -> Any:
    """Draw pictures side by side.

    Args:
        views: the pictures.
        axes: to draw into, as many; none of them makes a figure.

    Returns:
        An array of the axes.

    Raises:
        RequestError: matplotlib is not installed, or there are not as many axes as pictures.
    """
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError as error:
        raise RequestError(
            "pictures need matplotlib, which is not installed",
            where="quick_look",
            fix='install it, or Seamline with the extra "notebook"',
        ) from error
    if axes and len(axes) != len(views):
        raise RequestError(f"there are {len(axes)} axes for {len(views)} images", where="ax", fix="give one for each")
    if not axes:
        # A colour bar or a legend stands beside its picture.
        width = sum(_SIDE_INCHES + bool(view.ramp or view.classes) for view in views)
        size = width, _SIDE_INCHES * _height_share(views[0].grid) + 0.3
        made = pyplot.subplots(1, len(views), figsize=size, squeeze=False, layout="constrained")[1]
        axes = list(made[0])
        for axis in axes[1:]:
            # They show the same ground.
            axis.tick_params(labelleft=views[0].grid.crs is None)
    for axis, view in zip(axes, views, strict=True):
        _draw(axis, view)
    return np.array(axes, dtype=object)


def _height_share(grid: GeoBox) -> float:
    height, width = grid.shape
    return float(np.clip(abs(grid.affine.e * height) / max(abs(grid.affine.a * width), 1e-12), 0.4, 1.6))


def _draw(axis: Axes, view: View) -> None:
    from matplotlib.ticker import MaxNLocator
    from matplotlib.transforms import Affine2D

    grid = view.grid
    (height, width), affine = grid.shape, grid.affine
    image = axis.imshow(view.pixels, extent=(0, width, height, 0), interpolation="nearest")
    # Pixels lie where the affine has them, turned grids too.
    matrix = [[affine.a, affine.b, affine.c], [affine.d, affine.e, affine.f], [0, 0, 1]]
    image.set_transform(Affine2D(np.array(matrix)) + axis.transData)
    xs, ys = zip(*(affine * corner for corner in ((0, 0), (width, 0), (0, height), (width, height))), strict=True)
    axis.set_xlim(min(xs), max(xs))
    # Rows of a raster without a georeference count downwards.
    axis.set_ylim(*((max(ys), min(ys)) if grid.crs is None and affine.e > 0 else (min(ys), max(ys))))
    unit = unit_of(grid)
    names = ("column", "row") if unit == "px" else ("longitude", "latitude") if unit == "°" else ("easting", "northing")
    axis.set_xlabel(f"{names[0]}, {unit}")
    if axis.yaxis.get_tick_params()["labelleft"]:
        axis.set_ylabel(f"{names[1]}, {unit}")
    axis.set_title(view.title)
    axis.set_aspect(1 / math.cos(math.radians((min(ys) + max(ys)) / 2)) if unit == "°" else 1.0)
    for each in (axis.xaxis, axis.yaxis):
        each.set_major_locator(MaxNLocator(_TICKS))
    axis.ticklabel_format(useOffset=False, style="plain")
    axis.tick_params(labelsize="small")
    _explain(axis, view)


def _explain(axis: Axes, view: View) -> None:
    """Say what the colours mean, where that is not plain."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.patches import Patch

    if view.ramp is not None:
        colours = ScalarMappable(Normalize(view.ramp.low, view.ramp.high), ListedColormap(view.ramp.table() / 255))
        axis.figure.colorbar(colours, ax=axis, label=view.label, shrink=0.7)
    if view.classes:
        patches = [Patch(facecolor=colour, label=name) for name, colour in view.classes.items()]
        axis.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
