"""Relations say of a pixel what the two grids say, in every window, and warps come near the exact transformation."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from seamline.engine.errors import RequestError
from seamline.engine.ground import grids
from seamline.engine.ground.grids import Window
from seamline.engine.ground.relation import WARP_ERROR, AffineRelation, WarpRelation, between

HEIGHT, WIDTH = 150, 110
ALL = Window(0, 0, HEIGHT, WIDTH)


def grid(crs, x, y, size, turn=0.0, shape=(HEIGHT, WIDTH)):
    return GeoBox(shape, Affine.translation(x, y) * Affine.rotation(turn) * Affine.scale(size, -size), crs)


def over(base, crs, finer):
    """A north-up grid in another CRS inside the ground of ``base``, in pixels ``finer`` times as small."""
    height, width = base.shape
    xs, ys = base.affine * np.meshgrid(np.linspace(0, width, 9), np.linspace(0, height, 9))
    x, y = Transformer.from_crs(str(base.crs), crs, always_xy=True).transform(xs, ys)
    size = (x.max() - x.min()) / width / finer
    left, top = x.min() + 0.1 * (x.max() - x.min()), y.max() - 0.1 * (y.max() - y.min())
    return GeoBox(
        (round(0.8 * (y.max() - y.min()) / size), round(0.8 * width * finer)), Affine(size, 0, left, 0, -size, top), crs
    )


UTM = grid("EPSG:32633", 3e5, 5.5e6, 10)
TURNED = grid("EPSG:32633", 3e5, 5.5e6, 10, turn=20)
PAIRS = {
    "zones": (UTM, over(UTM, "EPSG:32632", 1)),
    "turned zones": (TURNED, over(TURNED, "EPSG:32632", 2.7)),
    "degrees": (UTM, over(UTM, "EPSG:4326", 3)),
    "mercator": (UTM, over(UTM, "EPSG:3857", 0.3)),
    "equal area": (UTM, over(UTM, "EPSG:3035", 1.5)),
    "from degrees": (grid("EPSG:4326", 12, 50, 1e-3), over(grid("EPSG:4326", 12, 50, 1e-3), "EPSG:32633", 1)),
    "kilometres": (grid("EPSG:32633", 3e5, 5.8e6, 2000), grid("EPSG:32632", 7.5e5, 5.8e6, 500, shape=(500, 400))),
    # The last column of nodes before the antimeridian has the other end of the world beside it.
    "end of the world": (
        grid("EPSG:32660", 823e3, 1.1e6, 100),
        GeoBox((600, 900), Affine(100, 0, 20037508.34 - 8e4, 0, -100, 1.12e6), "EPSG:3857"),
    ),
    "affine": (UTM, grid("EPSG:32633", 3e5 + 203, 5.5e6 - 97, 3.7)),
    "turned": (UTM, grid("EPSG:32633", 3e5 + 203, 5.5e6 - 97, 17, turn=33)),
}


@pytest.fixture(params=PAIRS)
def pair(request):
    return PAIRS[request.param]


def exact(base, other, window):
    """(row, column) by PROJ alone, pixel by pixel."""
    columns, rows = np.meshgrid(np.arange(*window.columns) + 0.5, np.arange(*window.rows) + 0.5)
    there = base.affine * (columns, rows)
    if base.crs != other.crs:
        there = Transformer.from_crs(str(base.crs), str(other.crs), always_xy=True).transform(*there)
    columns, rows = ~other.affine * there
    return rows, columns


def apart(one, two):
    return max(float(np.abs(a - b).max()) for a, b in zip(one, two, strict=True))


@st.composite
def windows(draw, height=HEIGHT, width=WIDTH):
    row, column = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    return Window(row, column, draw(st.integers(1, height - row)), draw(st.integers(1, width - column)))


def test_a_relation_comes_near_the_exact_transformation(pair):
    found = between(*pair).coordinates(ALL)
    assert apart(found, exact(*pair, ALL)) <= WARP_ERROR


def test_what_a_warp_may_be_off_is_well_below_a_hundredth_of_a_pixel():
    assert WARP_ERROR <= 0.005


@pytest.mark.parametrize("size", [1, 10, 500])
def test_a_warp_is_interpolated_where_that_is_near_enough_and_nowhere_else(size):
    base = grid("EPSG:32633", 3e5, 7.4e6, size)
    other = over(base, "EPSG:3857", 4)
    relation = between(base, other)
    off = apart(relation.coordinates(ALL), exact(base, other, ALL))
    if size == 500:
        # Bilinear interpolation would be off by more than is allowed in every cell.
        assert off < 1e-6
    else:
        assert 1e-6 < off <= WARP_ERROR


@pytest.mark.parametrize("name", PAIRS)
def test_windows_are_cut_from_one_image(name):
    relation = between(*PAIRS[name])
    whole = relation.coordinates(ALL)

    @given(windows())
    def law(window):
        part = relation.coordinates(window)
        for one, all_of_it in zip(part, whole, strict=True):
            assert one.tobytes() == all_of_it[slice(*window.rows), slice(*window.columns)].tobytes()

    law()


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_touched_holds_the_kernels_of_all_centres_inside(name):
    base, other = PAIRS[name]
    relation = between(base, other)

    @given(windows(), st.integers(1, 5))
    def law(window, reach):
        rows, columns = relation.coordinates(window)
        inside = (rows >= 0) & (rows < other.shape[0]) & (columns >= 0) & (columns < other.shape[1])
        touched = relation.touched(window, reach)
        if touched is None:
            assert not inside.any()
            return
        for there, span, length in zip(
            (rows[inside], columns[inside]), (touched.rows, touched.columns), other.shape, strict=True
        ):
            assert 0 <= span[0] < span[1] <= length
            if inside.any():
                assert span[0] <= max(np.floor(there.min() - 0.5) + 1 - reach, 0)
                assert span[1] - 1 >= min(np.floor(there.max() - 0.5) + reach, length - 1)

    law()


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_touched_grows_with_the_window_and_not_beyond_it(name):
    base, other = PAIRS[name]
    relation = between(base, other)
    finer = max(1 / ratio for ratio in relation.ratio())

    @given(windows(), st.data())
    def law(window, data):
        inner = data.draw(windows(window.height, window.width))
        inner = Window(window.row + inner.row, window.column + inner.column, inner.height, inner.width)
        large, small = relation.touched(window, 2), relation.touched(inner, 2)
        if small is None:
            return
        for around, within in ((large.rows, small.rows), (large.columns, small.columns)):
            assert around[0] <= within[0] < within[1] <= around[1]
        # The cells of nodes that hold the window, turned, and the kernels.
        most = finer * 1.5 * (inner.height + inner.width + 64) + 8
        assert max(small.height, small.width) <= most

    law()


@pytest.mark.parametrize("side", [(0, -3000), (0, 3000), (-3000, 0), (3000, 0)])
@pytest.mark.parametrize("name", ["zones", "affine", "turned"])
def test_nothing_is_touched_by_a_window_beside_the_other_grid(name, side):
    base, other = PAIRS[name]
    aside = GeoBox(other.shape, other.affine * Affine.translation(*side), other.crs)
    assert between(base, aside).touched(ALL, 4) is None


@pytest.mark.parametrize("name", PAIRS)
def test_the_ratio_is_how_far_neighbours_lie_apart(name):
    base, other = PAIRS[name]
    relation = between(base, other)
    window = Window(60, 40, 3, 3)
    rows, columns = exact(base, other, window)
    for ratio, there in zip(relation.ratio(window), (rows, columns), strict=True):
        assert 1 / ratio == pytest.approx(np.hypot(there[1, 2] - there[1, 0], there[2, 1] - there[0, 1]) / 2, rel=1e-5)
    # Everywhere on these grids the ratio is much the same.
    assert relation.ratio() == pytest.approx(relation.ratio(window), rel=0.05)


def test_an_affine_relation_is_that_of_grids():
    base, other = PAIRS["affine"]
    relation = between(base, other)
    assert isinstance(relation, AffineRelation)
    assert relation.separable
    assert relation.mapping == grids.relation(base, other)
    assert relation.ratio() == pytest.approx(grids.ratio(base, other), rel=1e-12)
    assert between(base, grids.crop(base, Window(3, 5, 9, 9))).shift == (-3, -5)


def test_grids_without_any_crs_are_related_by_their_affines():
    base, other = grid(None, 0, 0, 1), grid(None, 2, -3, 2)
    assert isinstance(between(base, other), AffineRelation)


@pytest.mark.parametrize(
    ("crs", "what"),
    [
        (None, "it has no CRS, while the photo has one"),
        ("IAU_2015:30100", "nothing transforms between its CRS and that of the photo"),
        ('LOCAL_CS["here",UNIT["metre",1]]', "nothing transforms between its CRS and that of the photo"),
    ],
)
def test_grids_that_cannot_be_related_are_refused(crs, what):
    with pytest.raises(RequestError, match=what) as caught:
        between(UTM, grid(crs, 3e5, 5.5e6, 10), base_name="the photo", other_name="guide.tif")
    assert caught.value.where == "guide.tif"
    assert caught.value.fix
    if crs is None:
        with pytest.raises(RequestError, match="no CRS"):
            between(grid(crs, 3e5, 5.5e6, 10), UTM)


def test_points_without_an_image_lie_nowhere():
    """A base grid round the globe, and another that a projection of one zone makes: most of it has no image there."""
    base = grid("EPSG:4326", -180, 90, 0.5, shape=(360, 720))
    other = grid("EPSG:32633", 3e5, 5.5e6, 1000, shape=(300, 300))
    relation = between(base, other)
    whole = Window(0, 0, *base.shape)
    rows, columns = relation.coordinates(whole)
    nowhere = np.isnan(rows)
    assert nowhere.any()
    np.testing.assert_array_equal(nowhere, np.isnan(columns))
    inside = (rows >= 0) & (rows < 300) & (columns >= 0) & (columns < 300)
    x, y = base.affine * (np.argwhere(inside)[:, ::-1].T + 0.5)
    east, north = Transformer.from_crs("EPSG:4326", "EPSG:32633", always_xy=True).transform(x, y)
    assert len(x) > 20
    assert (east >= 3e5).all()
    assert (east <= 6e5).all()
    assert (north <= 5.5e6).all()
    assert (north >= 5.2e6).all()
    assert relation.touched(Window(0, 0, 80, 80), 2) is None
    # Measured where the other grid is, not in the middle of the globe.
    assert relation.ratio() == pytest.approx((1 / 55.5, 1 / 37.5), rel=0.05)


def test_longitudes_go_on_beyond_the_antimeridian():
    base = grid("EPSG:32660", 8e5, 1.1e6, 100, shape=(200, 400))
    other = GeoBox((600, 900), Affine(0.001, 0, 179.5, 0, -0.001, 10.2), "EPSG:4326")
    relation = between(base, other)
    _, columns = relation.coordinates(Window(0, 0, *base.shape))
    assert columns.min() > 0
    assert columns.max() < 900
    assert columns.max() > 550
    steps = np.diff(columns, axis=1)
    assert steps.min() > 0.9
    assert steps.max() < 0.93


def test_a_jump_of_the_coordinate_system_blurs_no_pixel():
    """Mercator ends at the antimeridian: no pixel may lie between the two ends of the world."""
    base = grid("EPSG:32660", 8e5, 1.1e6, 100, shape=(200, 400))
    other = GeoBox((600, 900), Affine(100, 0, 20037508.34 - 60000, 0, -100, 1.15e6), "EPSG:3857")
    window = Window(0, 0, *base.shape)
    relation = between(base, other)
    found = relation.coordinates(window)
    assert found[1].min() < -3e5
    assert found[1].max() <= 600.1
    assert apart(found, exact(base, other, window)) <= WARP_ERROR
    assert relation.touched(window, 2).column > 0


def test_one_operation_holds_for_all_pixels():
    """Between Gauss-Krueger and ETRS89 several operations have an area each, which differ by metres."""
    base = grid("EPSG:31467", 3.2e6, 6.1e6, 1000, shape=(900, 700))
    relation = between(base, grid("EPSG:25832", 2e5, 6.1e6, 1000, shape=(900, 700)))
    assert isinstance(relation, WarpRelation)
    rows = np.arange(900) + 0.5
    for column in (100.5, 350.5, 600.5):
        for there in relation.exact(rows, np.full(900, column)):
            assert np.abs(np.diff(there, 2)).max() < 1e-6


def test_a_relation_is_a_value():
    for base, other in PAIRS.values():
        relation = between(base, other)
        before = relation.coordinates(Window(3, 4, 20, 30))
        again = pickle.loads(pickle.dumps(relation))
        assert again == relation == between(base, other)
        for one, two in zip(before, again.coordinates(Window(3, 4, 20, 30)), strict=True):
            assert one.tobytes() == two.tobytes()
    relations = [between(*pair) for pair in PAIRS.values()]
    assert all(one != two for one, two in itertools.combinations(relations, 2))
