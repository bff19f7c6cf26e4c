"""Where the pixels of an array lie: as stated to the last bit, by coordinates after slicing, and else it is refused."""

from __future__ import annotations

import numpy as np
import pytest
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint

from seamline.arrays.axes import Axes, affine_of
from seamline.engine.errors import RequestError

PX = 1e-9  # of a pixel, as the invariants state it


def placed(affine: Affine, height: int, width: int) -> xr.DataArray:
    """An array with coordinates and transform, as rioxarray opens a file."""
    array = xr.DataArray(np.zeros((1, height, width), np.float32), dims=("band", "y", "x"))
    rows, columns = np.mgrid[:height, :width] + 0.5
    xs = affine.a * columns + affine.b * rows + affine.c
    ys = affine.d * columns + affine.e * rows + affine.f
    if affine.b or affine.d:
        array = array.assign_coords(xc=(("y", "x"), xs), yc=(("y", "x"), ys))
    else:
        array = array.assign_coords(x=xs[0], y=ys[:, 0])
    return array.rio.write_transform(affine)


def found(array: xr.DataArray) -> Affine | None:
    axes = Axes.of(array, "image")
    return affine_of(axes.ordered(array), axes, "image")


def apart(one: Affine, other: Affine, height: int, width: int) -> float:
    """How far two affines put any corner from each other, px."""
    size = abs(other.determinant) ** 0.5
    corners = [(column, row) for column in (0, width) for row in (0, height)]
    return max(
        max(abs(a - b) for a, b in zip(_at(one, corner), _at(other, corner), strict=True)) / size for corner in corners
    )


def _at(affine, corner):
    column, row = corner
    return affine.a * column + affine.b * row + affine.c, affine.d * column + affine.e * row + affine.f


def affines():
    size = st.floats(1e-5, 100).map(lambda value: round(value, 9))
    place = st.floats(-1e6, 1e6)
    turn = st.sampled_from([0.0, 0.0, 12.5, -170.0])
    return st.builds(
        lambda left, top, width, height, down, angle: Affine(
            *_turned(left, top, width, height if down else -height, angle)
        ),
        place,
        place,
        size,
        size,
        st.booleans(),
        turn,
    )


def _turned(left, top, width, height, angle):
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle)) if angle else 0.0
    return float(width * cos), float(-height * sin), left, float(width * sin), float(height * cos), top


@settings(max_examples=60, deadline=None)
@given(affine=affines(), height=st.integers(1, 40), width=st.integers(1, 40))
def test_a_stated_transform_is_kept_to_the_last_bit(affine, height, width):
    assert found(placed(affine, height, width)) == affine


def test_a_slice_of_narrow_turned_pixels_moves_by_their_own_width():
    affine = Affine(*_turned(0.0, 0.0, 1e-5, 1.0, 12.5))
    cut = placed(affine, 30, 30).isel(x=slice(1, None))
    assert (found(cut).c, found(cut).f) == pytest.approx((affine.a, affine.d), rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(affine=affines(), data=st.data())
def test_a_slice_lies_where_its_coordinates_say(affine, data):
    """Slicing leaves the stated transform as it was."""
    row, column = data.draw(st.integers(0, 20)), data.draw(st.integers(0, 20))
    cut = placed(affine, 30, 30).isel(y=slice(row, None), x=slice(column, None))
    moved = Affine(
        affine.a, affine.b, *_at(affine, (column, row))[:1], affine.d, affine.e, _at(affine, (column, row))[1]
    )
    # Coordinates are rounded to float64 where they lie far from zero.
    rounding = 8 * np.spacing(max(map(abs, affine))) / abs(affine.determinant) ** 0.5
    assert apart(found(cut), moved, 10, 10) <= PX + rounding


def test_coordinates_alone_place_an_array():
    array = xr.DataArray(np.zeros((3, 4)), coords={"y": [40.0, 30.0, 20.0], "x": [5.0, 6.0, 7.0, 8.0]}, dims=("y", "x"))
    assert found(array) == Affine(1, 0, 4.5, 0, -10, 45)


def test_coordinates_in_single_precision_place_it_as_well_as_they_can():
    xs = (500_000 + 0.3 * np.arange(10)).astype(np.float32)
    array = xr.DataArray(np.zeros((2, 10)), coords={"y": np.float32([20, 10]), "x": xs}, dims=("y", "x"))
    assert np.allclose(found(array)[:6], (0.3, 0, 499_999.85, 0, -10, 25), rtol=0, atol=np.spacing(np.float32(5e5)))


@pytest.mark.parametrize(
    "array",
    [
        xr.DataArray(np.zeros((3, 4)), dims=("y", "x")),
        placed(Affine.identity(), 3, 4),
        placed(Affine.identity(), 3, 4).drop_vars(["x", "y"]),
    ],
)
def test_an_array_may_lie_nowhere(array):
    assert found(array) in (None, Affine.identity())


def uneven(axis: str, by: float) -> xr.DataArray:
    array = placed(Affine(2, 0, 0, 0, -2, 0), 6, 6)
    values = array[axis].to_numpy().copy()
    values[3] += by
    return array.assign_coords({axis: values})


def curved() -> xr.DataArray:
    rows, columns = np.mgrid[:4, :5]
    return xr.DataArray(
        np.zeros((4, 5)),
        coords={"lon": (("y", "x"), columns + 0.01 * rows**2), "lat": (("y", "x"), -1.0 * rows)},
        dims=("y", "x"),
    )


def bent() -> xr.DataArray:
    array = placed(Affine(2, 1, 0, 1, -2, 0), 6, 6)
    return array.assign_coords(xc=array.xc**2)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (uneven("x", 0.1), "coordinates along x are not evenly spaced"),
        (uneven("y", -1.9), "coordinates along y are not evenly spaced"),
        (uneven("y", np.nan), "coordinate y holds what is no number"),
        (placed(Affine(2, 0, 0, 0, -2, 0), 4, 4).assign_coords(x=[1, 1, 1, 1]), "along x does not tell the size"),
        (placed(Affine(2, 0, 0, 0, -2, 0), 4, 4).assign_coords(x=list("abcd")), "coordinate x holds what is no number"),
        (placed(Affine(2, 0, 0, 0, -2, 0), 4, 1).drop_vars("spatial_ref"), "along x does not tell the size of a pixel"),
        (curved(), "coordinates lon, lat are curved"),
        (bent(), "coordinates xc and yc do not follow its transform"),
    ],
)
def test_places_that_are_refused(array, sentence):
    with pytest.raises(RequestError, match=sentence) as caught:
        found(array)
    assert caught.value.where == "image"
    assert caught.value.fix


def test_ground_control_points_alone_are_refused():
    points = [GroundControlPoint(row, column, column, row) for row in (0, 3) for column in (0, 4)]
    array = placed(Affine.identity(), 3, 4).drop_vars(["x", "y"]).rio.write_gcps(points, "EPSG:4326")
    with pytest.raises(RequestError, match="ground control points alone"):
        found(array.rio.write_transform(Affine.identity()))


@pytest.mark.parametrize(
    "dims", [("band", "y", "x"), ("y", "x", "band"), ("x", "y", "band"), ("wavelength", "latitude", "longitude")]
)
def test_axes_may_come_in_any_order_and_under_known_names(dims):
    sizes = {"y": 3, "latitude": 3, "x": 4, "longitude": 4}
    array = xr.DataArray(np.zeros([sizes.get(dim, 2) for dim in dims]), dims=dims)
    assert Axes.of(array, "image").ordered(array).shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((2, 3)), "a ndarray has no georeference"),
        (None, "a NoneType has no georeference"),
        (xr.Dataset({"red": (("y", "x"), np.zeros((2, 3)))}), "a Dataset is not one image"),
        (xr.DataArray(np.zeros((2, 3)), dims=("row", "column")), "row, column are known as rows and columns"),
        (xr.DataArray(np.zeros(3), dims="x"), "axes x are known as rows and columns"),
        (xr.DataArray(np.zeros((2, 1, 3, 4)), dims=("time", "band", "y", "x")), "the axes time, band beside"),
        (xr.DataArray(np.zeros((0, 3, 4)), dims=("band", "y", "x")), "0, 3, 4 cells is empty"),
        (xr.DataArray(np.zeros((2, 3, 0)), dims=("band", "y", "x")), "2, 3, 0 cells is empty"),
    ],
)
def test_what_is_no_image_is_refused(array, sentence):
    with pytest.raises(RequestError, match=sentence) as caught:
        Axes.of(array, "image")
    assert caught.value.where == "image"
    assert caught.value.fix


def test_two_axes_of_one_name_are_refused():
    with pytest.warns(UserWarning, match="[Dd]uplicate"):
        array = xr.DataArray(np.zeros((2, 3, 3)), dims=("band", "x", "x"))
    with pytest.raises(RequestError, match="have one name"):
        Axes.of(array, "image")
