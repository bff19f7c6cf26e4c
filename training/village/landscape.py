"""What a procedural scene is painted from: surfaces, polygons, crowns, and the geometry that places them.

Coordinates are (x, y) in m, y downwards (south); angles in radians from x towards y; bands are blue, green, red, near
infrared.  A polygon is an (N, 2) array of its corners, not closed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BANDS = ("blue", "green", "red", "nir")

# Reflectance of broad band means; orders of magnitude as in the published spectral libraries of such surfaces.
SPECTRA = {
    "asphalt": (0.085, 0.095, 0.105, 0.125),
    "concrete": (0.20, 0.23, 0.26, 0.30),
    "paint": (0.42, 0.44, 0.45, 0.46),
    "tile": (0.075, 0.105, 0.21, 0.31),
    "old_tile": (0.085, 0.10, 0.15, 0.23),
    "slate": (0.08, 0.085, 0.09, 0.11),
    "metal": (0.34, 0.36, 0.37, 0.40),
    "gravel": (0.16, 0.18, 0.20, 0.24),
    "bitumen": (0.055, 0.055, 0.06, 0.075),
    "membrane": (0.58, 0.62, 0.64, 0.63),
    "soil": (0.085, 0.125, 0.175, 0.26),
    "dark_soil": (0.055, 0.075, 0.10, 0.16),
    "straw": (0.12, 0.18, 0.24, 0.34),
    "crop": (0.025, 0.060, 0.030, 0.47),
    "bloom": (0.045, 0.15, 0.15, 0.48),
    "grass": (0.035, 0.075, 0.045, 0.40),
    "dry_grass": (0.07, 0.11, 0.13, 0.31),
    "broadleaf": (0.024, 0.050, 0.027, 0.42),
    "conifer": (0.018, 0.034, 0.020, 0.27),
    "litter": (0.020, 0.030, 0.025, 0.14),
    "water": (0.050, 0.052, 0.032, 0.014),
    "shallow": (0.065, 0.085, 0.065, 0.030),
    "pool": (0.24, 0.34, 0.22, 0.05),
    "car_dark": (0.045, 0.045, 0.05, 0.06),
    "car_light": (0.52, 0.53, 0.54, 0.52),
    "car_red": (0.05, 0.05, 0.24, 0.30),
    "car_blue": (0.20, 0.12, 0.07, 0.12),
}


@dataclass(frozen=True, slots=True)
class Surface:
    """What a polygon is made of.

    Attributes:
        ground, cover: (4,) reflectance of the two constituents.
        share: of the cover, 0..1; ``patchy`` is its standard deviation over patches of metres to tens of metres.
        rows: amplitude of planting rows in the share; ``period`` their spacing in m, ``angle`` their normal in rad.
        track: width in m of bare wheel tracks every 8 to 9 rows; 0 for none.
        broad, grain: relative standard deviation of coarse and of pixel-sized brightness texture.
    """

    ground: Array
    cover: Array
    share: float = 0.0
    patchy: float = 0.0
    rows: float = 0.0
    period: float = 4.0
    angle: float = 0.0
    track: float = 0.0
    broad: float = 0.03
    grain: float = 0.03

    def row(self) -> list[float]:
        """As one line of the painting table."""
        wave = 2.0 * math.pi / self.period
        return [
            *self.ground, *self.cover, self.share, self.patchy, self.rows,
            wave * math.cos(self.angle), wave * math.sin(self.angle), self.track, self.broad, self.grain,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tree:
    """A crown: centre and radius in m, height in m, conifer or not, relative brightness."""

    x: float
    y: float
    radius: float
    height: float
    conifer: bool
    tone: float


@dataclass(slots=True)
class Landscape:
    """Everything that is to be painted, in painting order."""

    rng: np.random.Generator
    sun: Array  # unit vector to the sun: (x, y, z)
    axis: float  # main direction of the settlement grid, rad
    world: float  # m
    painted: list[tuple[Array, Surface]] = field(default_factory=list)
    edges: list[tuple[Array, Surface]] = field(default_factory=list)  # painted after ``painted``: lines, water, cars
    shades: list[Array] = field(default_factory=list)  # cast on the ground
    solids: list[Array] = field(default_factory=list)  # stand above the shadows
    trees: list[Tree] = field(default_factory=list)
    ribbons: list[tuple[Array, Array]] = field(default_factory=list)  # (points, half widths) nothing is built on
    lake: tuple[Array, float] | None = None  # centre and reach

    def paint(self, polygon: Array, surface: Surface) -> None:
        """Lay a polygon over what is there."""
        self.painted.append((polygon, surface))

    def tint(self, name: str, spread: float = 0.10) -> Array:
        """A spectrum of that kind with its own brightness and hue."""
        factors = self.rng.normal(0.0, spread) + self.rng.normal(0.0, spread / 7, 4)
        return np.asarray(np.array(SPECTRA[name]) * np.exp(factors))

    def block(self, footprint: Array, height: float) -> None:
        """A solid of that height: it shades the ground behind it, not itself."""
        away = -self.sun[:2] / self.sun[2] * height
        self.shades.append(footprint + away)
        self.shades.extend(
            np.stack([a, b, b + away, a + away]) for a, b in zip(footprint, np.roll(footprint, -1, 0), strict=True)
        )
        self.solids.append(footprint)

    def plain(self, name: str, *, broad: float = 0.04, grain: float = 0.04, spread: float = 0.10) -> Surface:
        """A surface of one kind of matter."""
        spectrum = self.tint(name, spread)
        return Surface(spectrum, spectrum, broad=broad, grain=grain)

    def free(self, points: Array, reach: float) -> bool:
        """Whether all points keep ``reach`` m from water and main roads."""
        for line, half in self.ribbons:
            gap = np.hypot(*(points[:, None, :] - line[None]).transpose(2, 0, 1)) - half
            if gap.min() < reach:
                return False
        return True

    def tree(self, x: float, y: float, radius: float, *, conifer: bool = False) -> None:
        """Plant a tree; its height follows from the crown."""
        height = radius * self.rng.uniform(1.6, 2.6) * (1.4 if conifer else 1.0)
        tone = float(np.exp(self.rng.normal(0.0, 0.16)))
        self.trees.append(Tree(x, y, radius, height, conifer, tone))


def rectangle(centre: Array, length: float, width: float, angle: float) -> Array:
    """A rectangle whose length lies along ``angle``."""
    u, v = directions(angle)
    a, b = u * length / 2, v * width / 2
    return np.stack([centre - a - b, centre + a - b, centre + a + b, centre - a + b])


def directions(angle: float) -> tuple[Array, Array]:
    """Unit vectors along and across an angle."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([c, s]), np.array([-s, c])


def ribbon(line: Array, half: Array | float) -> Array:
    """A polyline with a width: ``half`` m to each side."""
    along = np.gradient(line, axis=0)
    along /= np.hypot(along[:, 0], along[:, 1])[:, None]
    off = np.stack([-along[:, 1], along[:, 0]], 1) * np.broadcast_to(half, len(line))[:, None]
    return np.concatenate([line + off, (line - off)[::-1]])


def area(polygon: Array) -> float:
    """Signed area, m2."""
    x, y = polygon.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def inset(polygon: Array, points: Array) -> Array:
    """Distance of points from the rim of a convex polygon of positive area, m; negative outside."""
    edge = np.roll(polygon, -1, 0) - polygon
    edge = edge / np.maximum(np.hypot(edge[:, 0], edge[:, 1]), 1e-9)[:, None]
    gap = points[:, None, :] - polygon[None]
    return np.asarray((edge[None, :, 0] * gap[..., 1] - edge[None, :, 1] * gap[..., 0]).min(axis=1))


def cut(polygon: Array, point: Array, normal: Array) -> tuple[Array, Array, Array]:
    """Cut a convex polygon by a line: the part before it, the part behind it, and the chord (2, 2) between them."""
    side = (polygon - point) @ normal
    before: list[Array] = []
    behind: list[Array] = []
    chord: list[Array] = []
    for i in range(len(polygon)):
        p, q, a, b = polygon[i], polygon[(i + 1) % len(polygon)], side[i], side[(i + 1) % len(polygon)]
        (before if a < 0 else behind).append(p)
        if (a < 0) != (b < 0):
            crossing = p + (q - p) * (a / (a - b))
            before.append(crossing)
            behind.append(crossing)
            chord.append(crossing)
    return np.array(before), np.array(behind), np.array(chord)


def scatter(rng: np.random.Generator, polygon: Array, count: int) -> Array:
    """Points spread evenly over a convex polygon's bounding box, those inside kept: at most ``count``."""
    low, high = polygon.min(0), polygon.max(0)
    points = rng.uniform(low, high, (count, 2))
    return np.asarray(points[inset(polygon, points) > 0])
