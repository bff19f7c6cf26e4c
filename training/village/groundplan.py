"""Landscapes that never existed: a world cut into fields, woods, blocks and parcels, with water and roads across it.

A square is cut recursively: first by roads, then, near a settlement, into blocks and parcels with houses, and
elsewhere into fields and woods.  Every draw comes from one generator.
"""

from __future__ import annotations

import math

import numpy as np

from .buildings import build_hall, build_house, park
from .landscape import Array, Landscape, Surface, area, cut, directions, inset, ribbon, scatter

_CELL_M = 480.0  # on average one settlement a cell of this side
_MARGIN_M = 40.0  # planned beyond the rim, so that shadows and crowns reach in from outside

Line = tuple[Array, float]  # chord (2, 2) of a street and its width, m


def plan_landscape(rng: np.random.Generator, world: float) -> Landscape:
    """Plan a square world of that side, m."""
    azimuth, elevation = math.radians(rng.uniform(135, 225)), math.radians(rng.uniform(38, 58))
    flat = math.cos(elevation)
    sun = np.array([math.sin(azimuth) * flat, -math.cos(azimuth) * flat, math.sin(elevation)])
    plan = Landscape(rng, sun, rng.uniform(-0.35, 0.35), world)
    road = _wave(plan, rng.uniform(0, math.pi), rng.uniform(25, 50))
    plan.ribbons.append((road, np.full(len(road), 4.5)))
    towns = rng.uniform(0.2, 0.8, (max(1, round((world / _CELL_M) ** 2)), 2)) * world
    reach = rng.uniform(140, 230, len(towns))
    water, half = _water_course(plan, towns)
    plan.ribbons.append((water, half))
    lines = _divide(plan, towns, reach)
    if len(water) == 1:
        plan.lake = water[0], float(half[0])
    else:
        _paint_river(plan, water, half)
    _pave(plan, [(chord, width, True) for chord, width in lines])
    if plan.lake:
        _paint_lake(plan, *plan.lake)
    _pave(plan, [(road, 7.5, False)])
    return plan


def _divide(plan: Landscape, towns: Array, reach: Array) -> list[Line]:
    """Cut the world into leaves and fill them; returns the streets between them."""
    rng, far = plan.rng, plan.world + _MARGIN_M
    stack = [np.array([[-_MARGIN_M, -_MARGIN_M], [far, -_MARGIN_M], [far, far], [-_MARGIN_M, far]])]
    lines: list[Line] = []
    while stack:
        polygon = stack.pop()
        size, centre = area(polygon), polygon.mean(0)
        urban = bool((np.hypot(*(towns - centre).T) < reach).any())
        if size < 45000 and _is_leaf(plan, polygon, size, urban):
            continue
        u, v = directions(plan.axis + rng.normal(0, 0.012 if urban else 0.05))
        normal = u if np.ptp(polygon @ u) > np.ptp(polygon @ v) else v
        low, high = (polygon @ normal).min(), (polygon @ normal).max()
        point = normal * (low + (high - low) * rng.uniform(0.4, 0.6))
        first, second, chord = cut(polygon, point, normal)
        if len(chord) < 2:
            continue
        stack += [first, second]
        if size > 45000:
            lines.append((chord, 6.8))
        elif urban:
            lines.append((chord, 5.6)) if size > 6500 else _fence(plan, chord)
        else:
            _field_edge(plan, chord)
    return lines


def _is_leaf(plan: Landscape, polygon: Array, size: float, urban: bool) -> bool:
    """Fill the polygon if it needs no further cut."""
    rng = plan.rng
    if urban and 2600 < size < 6500 and rng.random() < 0.13:
        plan.paint(polygon, plan.plain("asphalt"))
        build_hall(plan, polygon)
    elif urban and size < 860:
        _garden(plan, polygon)
    elif not urban and size < rng.uniform(9000, 26000):
        _field(plan, polygon)
    else:
        return False
    return True


def _garden(plan: Landscape, polygon: Array) -> None:
    rng = plan.rng
    share = rng.uniform(0.35, 1.0)
    plan.paint(polygon, Surface(plan.tint("dry_grass"), plan.tint("grass"), share, 0.22, broad=0.06, grain=0.05))
    house = build_house(plan, polygon) if rng.random() < 0.93 else None
    for point in scatter(rng, polygon, rng.poisson(abs(area(polygon)) / 75)):
        radius = float(np.clip(rng.lognormal(0.55, 0.45), 0.8, 5.0))
        clear = house is None or np.hypot(*(point - house[:2])) > house[2] + 0.4 * radius
        if clear and inset(polygon, point[None])[0] > 1.0 and plan.free(point[None], radius):
            plan.tree(point[0], point[1], radius, conifer=rng.random() < 0.25)


def _field(plan: Landscape, polygon: Array) -> None:
    rng = plan.rng
    kind = rng.choice(["crop", "bloom", "soil", "straw", "meadow", "wood", "orchard"], p=_FIELDS)
    along = plan.axis + rng.choice([0.0, math.pi / 2]) + rng.normal(0, 0.03)
    soil = plan.tint(str(rng.choice(["soil", "dark_soil"])), 0.18)
    if kind == "wood":
        litter = plan.tint("litter")
        plan.paint(polygon, Surface(litter, litter, broad=0.15, grain=0.1))
        _wood(plan, polygon)
    elif kind == "meadow":
        share, grass = rng.uniform(0.4, 0.9), plan.tint("grass", 0.15)
        plan.paint(polygon, Surface(plan.tint("dry_grass"), grass, share, 0.18, broad=0.06, grain=0.05))
        for point in scatter(rng, polygon, rng.poisson(6)):
            if plan.free(point[None], 3.0):
                plan.tree(point[0], point[1], rng.uniform(2.0, 5.5))
    elif kind == "orchard":
        plan.paint(polygon, Surface(soil, plan.tint("grass"), 0.6, 0.15, broad=0.05, grain=0.05))
        _orchard(plan, polygon, along)
    else:
        # A field between sowing and harvest: the share of leaves says how far it is.
        cover = plan.tint({"bloom": "bloom", "straw": "straw"}.get(str(kind), "crop"), 0.12)
        share = rng.uniform(0.0, 0.12) if kind == "soil" else rng.beta(3.0, 1.2)
        rows = rng.uniform(0.02, 0.16) if rng.random() < 0.7 else 0.0
        track = rng.choice([0.0, 0.5, 0.7]) if kind != "soil" else 0.0
        period = rng.uniform(2.2, 4.5)
        plan.paint(polygon, Surface(soil, cover, share, 0.10, rows, period, along, track, 0.05, 0.03))


_FIELDS = (0.34, 0.07, 0.15, 0.11, 0.13, 0.14, 0.06)


def _wood(plan: Landscape, polygon: Array) -> None:
    rng, needles = plan.rng, plan.rng.choice([0.05, 0.4, 0.9])
    low, high = polygon.min(0), polygon.max(0)
    spacing = rng.uniform(4.2, 5.6)
    grid = np.stack(np.meshgrid(*(np.arange(a, b, spacing) for a, b in zip(low, high, strict=True))), -1)
    points = grid.reshape(-1, 2) + rng.normal(0, 0.28 * spacing, (grid.size // 2, 2))
    for point in points[inset(polygon, points) > 1.5]:
        if plan.free(point[None], 3.0) and rng.random() < 0.97:
            radius = float(np.clip(rng.normal(0.62, 0.13) * spacing, 1.2, 6.0))
            plan.tree(point[0], point[1], radius, conifer=rng.random() < needles)


def _orchard(plan: Landscape, polygon: Array, along: float) -> None:
    rng, (u, v) = plan.rng, directions(along)
    gap, row = rng.uniform(3.4, 4.6), rng.uniform(5.0, 7.0)
    s, t = polygon @ u, polygon @ v
    grid = np.stack(np.meshgrid(np.arange(s.min(), s.max(), gap), np.arange(t.min(), t.max(), row)), -1)
    points = grid.reshape(-1, 2) @ np.stack([u, v])
    radius = rng.uniform(1.1, 1.8)
    for point in points[inset(polygon, points) > 3.0]:
        if plan.free(point[None], 3.0) and rng.random() < 0.94:
            place = point + rng.normal(0, 0.2, 2)
            plan.tree(place[0], place[1], radius * rng.uniform(0.8, 1.15))


def _fence(plan: Landscape, chord: Array) -> None:
    """Some parcels part at a clipped hedge."""
    length = float(np.hypot(*(chord[1] - chord[0])))
    if length > 16 and plan.rng.random() < 0.4 and plan.free(np.linspace(chord[0], chord[1], 9), 2.0):
        ends = (chord - chord.mean(0)) * (1 - 10.0 / length) + chord.mean(0)  # short of the streets
        hedge = ribbon(ends, plan.rng.uniform(0.4, 0.8))
        plan.paint(hedge, plan.plain("broadleaf", grain=0.12))
        plan.block(hedge, 1.6)


def _field_edge(plan: Landscape, chord: Array) -> None:
    rng = plan.rng
    kind = rng.choice(["margin", "track", "hedge"], p=(0.45, 0.33, 0.22))
    if kind == "track":
        plan.edges.append((ribbon(chord, 2.3), plan.plain("grass")))
        for side in (-0.8, 0.8):
            _, across = directions(math.atan2(*(chord[1] - chord[0])[::-1]))
            plan.edges.append((ribbon(chord + side * across, 0.55), plan.plain("soil", spread=0.05)))
        return
    plan.edges.append((ribbon(chord, rng.uniform(0.5, 1.2)), plan.plain("dry_grass")))
    if kind == "hedge":
        for t in np.arange(0, 1, 3.0 / max(3.0, float(np.hypot(*(chord[1] - chord[0]))))):
            point = chord[0] + t * (chord[1] - chord[0]) + rng.normal(0, 0.6, 2)
            if rng.random() < 0.8 and plan.free(point[None], 3.0):
                plan.tree(point[0], point[1], rng.uniform(1.3, 3.2))


def _wave(plan: Landscape, heading: float, amplitude: float) -> Array:
    """A winding line right across the world, a point every 4 m."""
    rng, reach = plan.rng, plan.world * 0.8 + _MARGIN_M
    t = np.arange(-reach, reach, 4.0)
    length = rng.uniform(300, 500)
    off = amplitude * np.sin(2 * np.pi * t / length + rng.uniform(0, 6.28))
    off = off + 0.3 * amplitude * np.sin(2 * np.pi * t / (0.43 * length) + rng.uniform(0, 6.28))
    off = off + rng.uniform(-0.35, 0.35) * plan.world
    u, v = directions(heading)
    return np.asarray(t[:, None] * u + off[:, None] * v + plan.world / 2)


def _water_course(plan: Landscape, towns: Array) -> tuple[Array, Array]:
    """A river (a line) or a lake (one point), out of some tries the one farthest from the settlements."""
    rng = plan.rng
    if rng.random() < 0.6:
        tries = [_wave(plan, rng.uniform(0, math.pi), rng.uniform(20, 60)) for _ in range(6)]
        far = [np.hypot(*(t[:, None] - towns[None]).transpose(2, 0, 1)).min() for t in tries]
        line = tries[int(np.argmax(far))]
        half = rng.uniform(7, 20) * (
            1 + 0.18 * np.sin(np.arange(len(line)) * 0.11) * np.sin(np.arange(len(line)) * 0.05)
        )
        return line, half
    tries = list(rng.uniform(0.1, 0.9, (24, 2)) * plan.world)
    others = np.concatenate([towns, plan.ribbons[0][0]])
    far = [np.hypot(*(point - others).T).min() for point in tries]
    return tries[int(np.argmax(far))][None], np.array([min(rng.uniform(35, 80), 0.8 * max(far))])


def _paint_river(plan: Landscape, line: Array, half: Array) -> None:
    rng, water = plan.rng, plan.plain("water", broad=0.04, grain=0.015)
    plan.edges.append((ribbon(line, half + 4.0), plan.plain("grass", spread=0.2, grain=0.08)))
    plan.edges.append((ribbon(line, half), plan.plain("shallow")))
    plan.edges.append((ribbon(line, half - 1.8), water))
    for point, width in zip(line, half, strict=True):
        side = rng.choice([-1.0, 1.0])
        away = rng.normal(0, 1, 2)
        away *= (width + rng.uniform(4, 8)) / max(1e-6, float(np.hypot(*away)))
        if rng.random() < 0.55 and plan.free((point + side * away)[None], 2.5):
            x, y = point + side * away
            plan.tree(x, y, rng.uniform(1.8, 4.2))


def _paint_lake(plan: Landscape, centre: Array, reach: float) -> None:
    rng = plan.rng
    turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    shape = 0.74 + sum(a * np.sin(k * turn + rng.uniform(0, 6.28)) for k, a in ((2, 0.13), (3, 0.07), (5, 0.03)))
    rim = np.stack([np.cos(turn), np.sin(turn)], 1) * np.asarray(shape * reach)[:, None]
    plan.edges.append((centre + rim * (1 + 5.0 / reach), plan.plain("grass", spread=0.2, grain=0.08)))
    plan.edges.append((centre + rim, plan.plain("shallow")))
    plan.edges.append((centre + rim * (1 - 2.5 / reach), plan.plain("water", broad=0.04, grain=0.015)))


def _pave(plan: Landscape, roads: list[tuple[Array, float, bool]]) -> None:
    """Kerbs below all carriageways, so that crossings are open; then markings and cars."""
    for line, width, kerb in roads:
        verge = plan.plain("concrete", grain=0.05) if kerb and width < 6 else plan.plain("dry_grass")
        plan.edges.append((ribbon(line, width / 2 + 1.7), verge))
    for line, width, _ in roads:
        plan.edges.append((ribbon(line, width / 2), plan.plain("asphalt", spread=0.2, grain=0.035)))
    for line, width, kerb in roads:
        _furnish(plan, line, width, urban=kerb and width < 6)


def _furnish(plan: Landscape, line: Array, width: float, *, urban: bool) -> None:
    """A dashed centre line where there are lanes, and cars: parked in settlements, under way elsewhere."""
    rng = plan.rng
    steps = np.hypot(*np.diff(line, axis=0).T)
    walk = np.concatenate([[0.0], np.cumsum(steps)])
    for at in np.arange(4.0, walk[-1] - 4.0, 8.0):
        i = int(np.searchsorted(walk, at)) - 1
        step = line[i + 1] - line[i]
        place, angle = line[i] + step * (at - walk[i]) / max(steps[i], 1e-6), math.atan2(step[1], step[0])
        along, across = directions(angle)
        if width > 6:
            dash = np.stack([place - 1.5 * along, place + 1.5 * along])
            plan.edges.append((ribbon(dash, 0.14), plan.plain("paint")))
        drowned = plan.lake is not None and np.hypot(*(place - plan.lake[0])) < plan.lake[1]
        if not drowned and rng.random() < (0.30 if urban else 0.08):
            lane = rng.choice([-1, 1]) * (width / 2 - 1.2 if urban else width / 4)
            park(plan, place + lane * across, angle + rng.normal(0, 0.02))
