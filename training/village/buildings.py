"""Houses, halls and cars of a procedural landscape."""

from __future__ import annotations

import math

import numpy as np

from .landscape import Array, Landscape, Surface, directions, inset, rectangle

_PITCHED = (("tile", 0.5), ("old_tile", 0.28), ("slate", 0.22))
_FLAT = (("gravel", 0.3), ("bitumen", 0.2), ("membrane", 0.18), ("metal", 0.32))
_CARS = (("car_light", 0.38), ("car_dark", 0.36), ("metal", 0.14), ("car_red", 0.06), ("car_blue", 0.06))


def _choose(plan: Landscape, kinds: tuple[tuple[str, float], ...]) -> str:
    return str(plan.rng.choice([name for name, _ in kinds], p=[share for _, share in kinds]))


def _fit(
    plan: Landscape, polygon: Array, length: float, width: float, gap: float
) -> tuple[Array, float, float, float] | None:
    """Centre, length, width and angle of a rectangle ``gap`` m inside the polygon, shrunk until it fits."""
    rng, (u, v) = plan.rng, directions(plan.axis)
    turned = np.ptp(polygon @ u) < np.ptp(polygon @ v)
    angle = plan.axis + (math.pi / 2 if turned else 0.0) + rng.normal(0, 0.015)
    for _ in range(8):
        centre = polygon.mean(0) + rng.normal(0, 1.8, 2)
        corners = rectangle(centre, length, width, angle)
        if inset(polygon, corners).min() > gap:
            return (centre, length, width, angle) if plan.free(corners, 5.0) else None
        length, width = 0.9 * length, 0.93 * width
    return None


def build_house(plan: Landscape, polygon: Array) -> tuple[float, float, float] | None:
    """A house on a parcel, with drive, terrace or pool; returns (x, y, reach in m) of what it takes, if any fits."""
    rng = plan.rng
    place = _fit(plan, polygon, rng.uniform(10, 17), rng.uniform(8, 11), 4.6)
    if place is None or min(place[1], place[2]) < 5.5:
        return None
    centre, length, width, angle = place
    u, v = directions(angle)
    side = rng.choice([-1.0, 1.0])
    yard = rectangle(centre + side * v * (width / 2 + 2), length * rng.uniform(0.4, 1.0), 4.5, angle)
    plan.paint(yard, plan.plain(str(rng.choice(["concrete", "gravel", "asphalt"])), spread=0.15))
    if rng.random() < 0.12:
        pool = rectangle(centre - side * v * (width / 2 + 4.5), rng.uniform(6, 9), 3.6, angle)
        plan.paint(rectangle(pool.mean(0), 10.5, 5.6, angle), plan.plain("concrete"))
        plan.paint(pool, plan.plain("pool", grain=0.02))
    height = rng.uniform(3.5, 6.5)
    if rng.random() < 0.22:
        _flat_roof(plan, centre, length, width, angle, height)
    else:
        roof = plan.tint(_choose(plan, _PITCHED), 0.16)
        pitch = math.radians(rng.uniform(28, 43))
        if rng.random() < 0.35:
            wing = centre + u * rng.uniform(-0.2, 0.2) * length - v * side * 0.45 * width
            _gable(plan, roof, wing, width * 0.95, width * 0.72, angle + math.pi / 2, height, pitch)
        draw = _hip if rng.random() < 0.3 else _gable
        draw(plan, roof, centre, length, width, angle, height, pitch)
        chimney = rectangle(centre + u * rng.uniform(-0.35, 0.35) * length + v * 0.6, 1.0, 0.8, angle)
        plan.paint(chimney, plan.plain("old_tile"))
    if rng.random() < 0.5:
        park(plan, yard.mean(0), angle + rng.choice([0.0, math.pi / 2]))
    return float(centre[0]), float(centre[1]), 0.5 * math.hypot(length, width)


def build_hall(plan: Landscape, polygon: Array) -> None:
    """A large flat building and a car park in what is left of a block."""
    rng = plan.rng
    place = _fit(plan, polygon, rng.uniform(38, 60), rng.uniform(22, 34), 7.0)
    if place is None:
        return
    centre, length, width, angle = place
    _flat_roof(plan, centre, length, width, angle, rng.uniform(6.0, 11.0))
    u, v = directions(angle)
    half = float(np.ptp(polygon @ v))
    for row in np.arange(-half / 2, half / 2, 5.6):
        for slot in np.arange(-length / 2, length / 2, 2.7):
            spot = centre + u * slot + v * row
            beside = abs(row) > width / 2 + 3.5 and inset(polygon, spot[None])[0] > 6.0
            if beside and rng.random() < 0.45 and plan.free(spot[None], 4.0):
                park(plan, spot, angle + math.pi / 2)


def park(plan: Landscape, centre: Array, angle: float) -> None:
    """A car, with its windows and its bit of shadow."""
    rng = plan.rng
    length = rng.uniform(3.9, 4.9)
    body = rectangle(centre, length, 1.8, angle)
    u, _ = directions(angle)
    plan.edges.append((body, plan.plain(_choose(plan, _CARS), grain=0.02)))
    for at in (0.16, -0.34):
        plan.edges.append((rectangle(centre + u * at * length, 0.7, 1.5, angle), plan.plain("car_dark", grain=0.02)))
    plan.block(body, 1.4)


def _lit(plan: Landscape, roof: Array, normal: Array) -> Surface:
    """A roof face in the light it gets: the sun by its angle, a quarter from the sky."""
    light = 0.25 + 0.75 * max(0.0, float(normal @ plan.sun)) / float(plan.sun[2])
    return Surface(roof * light, roof * light, broad=0.05, grain=0.05)


def _face(plan: Landscape, roof: Array, corners: list[Array], towards: Array, pitch: float) -> None:
    normal = np.array([*(towards * math.sin(pitch)), math.cos(pitch)])
    plan.paint(np.stack(corners), _lit(plan, roof, normal))


def _gable(
    plan: Landscape, roof: Array, centre: Array, length: float, width: float, angle: float, height: float, pitch: float
) -> None:
    u, v = directions(angle)
    a, b, c, d = rectangle(centre, length, width, angle)
    ridge = [centre - u * length / 2, centre + u * length / 2]
    plan.block(np.stack([a, b, c, d]), height + 0.25 * width * math.tan(pitch))
    _face(plan, roof, [a, b, ridge[1], ridge[0]], -v, pitch)
    _face(plan, roof, [ridge[0], ridge[1], c, d], v, pitch)
    if plan.rng.random() < 0.22:
        sunny = v if v @ plan.sun[:2] > 0 else -v
        panel = rectangle(centre + sunny * width / 4, length * 0.6, width * 0.3, angle)
        plan.paint(panel, plan.plain("car_dark", grain=0.02))


def _hip(
    plan: Landscape, roof: Array, centre: Array, length: float, width: float, angle: float, height: float, pitch: float
) -> None:
    u, v = directions(angle)
    a, b, c, d = rectangle(centre, length, width, angle)
    run = min(width, length) / 2
    ridge = [centre - u * (length / 2 - run), centre + u * (length / 2 - run)]
    plan.block(np.stack([a, b, c, d]), height + 0.2 * width * math.tan(pitch))
    _face(plan, roof, [a, b, ridge[1], ridge[0]], -v, pitch)
    _face(plan, roof, [b, c, ridge[1]], u, pitch)
    _face(plan, roof, [ridge[0], ridge[1], c, d], v, pitch)
    _face(plan, roof, [d, a, ridge[0]], -u, pitch)


def _flat_roof(plan: Landscape, centre: Array, length: float, width: float, angle: float, height: float) -> None:
    rng, (u, v) = plan.rng, directions(angle)
    footprint = rectangle(centre, length, width, angle)
    plan.block(footprint, height)
    plan.paint(footprint, plan.plain("concrete", spread=0.2))
    plan.paint(rectangle(centre, length - 0.9, width - 0.9, angle), plan.plain(_choose(plan, _FLAT), broad=0.07))
    for _ in range(rng.poisson(length * width / 130)):
        spot = centre + u * rng.uniform(-0.4, 0.4) * length + v * rng.uniform(-0.38, 0.38) * width
        box = rectangle(spot, rng.uniform(1.0, 2.6), rng.uniform(0.9, 1.6), angle)
        away = -plan.sun[:2] / plan.sun[2]
        plan.paint(box + away, plan.plain("bitumen"))
        plan.paint(box, plan.plain(str(rng.choice(["metal", "membrane", "concrete"]))))
