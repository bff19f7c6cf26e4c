"""Procedural aerial scenes: reflectance that looks like streets, roofs, fields, water and trees, from a seed alone.

A planned landscape is painted as polygons that carry two spectra and a share between them, textured, and lit by one
sun.  Polygons are rasterised at twice the resolution and averaged, so that edges are mixed pixels as in a real image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

from ...engine.errors import RequestError
from ...engine.optics.mtf import filter_bands, mtf_kernel
from .groundplan import plan_landscape
from .landscape import SPECTRA, Array, Landscape, Surface, Tree

Image = NDArray[np.float32]

_WORLD_M = 420.0  # the least side of what is planned: a small scene is a window of a plausible neighbourhood
_STRIP_PX = 256  # rows composed at a time

# What reaches a shadow is skylight: bluish, and weak in the near infrared.
_SKYLIGHT = np.array([0.42, 0.36, 0.32, 0.27], np.float32)


@dataclass(frozen=True, slots=True)
class _Frame:
    """The window of the world that is drawn: size in px, pixel size and corner in m."""

    size_hw: tuple[int, int]
    gsd: float
    left: float
    top: float

    def holds(self, polygon: Array) -> bool:
        h, w = self.size_hw
        low, high = polygon.min(0), polygon.max(0)
        right, bottom = self.left + w * self.gsd, self.top + h * self.gsd
        return bool(low[0] < right and high[0] > self.left and low[1] < bottom and high[1] > self.top)

    def burn(self, shapes: list[tuple[Array, int]]) -> NDArray[np.int32]:
        """(2 rows, 2 columns) numbers of the last polygon over each quarter pixel, 0 where there is none."""
        size = (2 * self.size_hw[0], 2 * self.size_hw[1])
        visible = [(_geometry(polygon), value) for polygon, value in shapes if self.holds(polygon)]
        if not visible:
            return np.zeros(size, np.int32)
        grid = Affine(self.gsd / 2, 0.0, self.left, 0.0, self.gsd / 2, self.top)
        return np.asarray(rasterize(visible, out_shape=size, transform=grid, dtype="int32"))


def _geometry(polygon: Array) -> dict[str, object]:
    ring = polygon.tolist()
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def procedural_scene(seed: int, size_hw: tuple[int, int], gsd: float = 0.5) -> Image:
    """An aerial view that never existed.

    Args:
        seed: of the scene; the same seed, size and pixel size give the same bits.
        size_hw: (rows, columns) in px, each at least 1.
        gsd: pixel size in m, > 0.  Planned for 0.3 to 2 m.

    Returns:
        (4, rows, columns) float32: blue, green, red and near-infrared reflectance, 0..0.95.

    Raises:
        RequestError: the size or the pixel size is not positive.
    """
    if min(size_hw) < 1 or gsd <= 0:
        raise RequestError(f"a scene of {size_hw} px at {gsd} m cannot be drawn", fix="ask for positive numbers")
    rng = np.random.default_rng(seed)
    plan = plan_landscape(rng, max(_WORLD_M, max(size_hw) * gsd))
    corner = [(plan.world - side * gsd) / 2 for side in reversed(size_hw)]
    frame = _Frame(size_hw, gsd, corner[0], corner[1])
    grain = fractal(rng, size_hw, 0.7)
    image = _compose(plan, frame, fractal(rng, size_hw, 2.4), fractal(rng, size_hw, 2.0), grain)
    image *= 1.0 - _shadow_map(plan, frame) * (1.0 - _SKYLIGHT[:, None, None])
    spectra = {kind: np.array(SPECTRA[kind], np.float32) for kind in ("broadleaf", "conifer")}
    for tree in plan.trees:
        _draw_crown(image, grain, tree, spectra["conifer" if tree.conifer else "broadleaf"], plan.sun, frame)
    image *= 1.0 + 0.025 * fractal(rng, size_hw, 3.0)
    return np.clip(image, 0.004, 0.95, out=image)


def fractal(rng: np.random.Generator, size_hw: tuple[int, int], slope: float) -> Image:
    """Gaussian noise with amplitude 1/f**(slope/2), mean 0 and standard deviation 1 (0 for a single px)."""
    h, w = size_hw
    f = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None])
    f[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal(size_hw)) * f ** (-slope / 2)
    waves = np.fft.irfft2(spectrum, s=size_hw)
    deviation = float(waves.std())
    return np.asarray(waves / deviation if deviation > 0 else waves, np.float32)


def simulate_pair(
    scene: Image,
    *,
    ratio: int = 4,
    ms_gain: float = 0.30,
    pan_gain: float = 0.15,
    pan_weights: tuple[float, ...] | None = None,
    noise_dn: float = 1.5,
    peak_dn: int = 2047,
    generator: np.random.Generator,
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """What a satellite would deliver of a scene: coarse bands and a fine panchromatic band, corner-aligned.

    Bands are blurred by the sensor's modulation transfer and sampled at the true centres of the MS pixels.

    Args:
        scene: (C, H, W) reflectance, 1.0 standing for ``peak_dn``.
        ratio: PAN pixels per MS pixel along an axis, >= 1.  Rows and columns beyond the last whole MS pixel are cut.
        ms_gain, pan_gain: transfer at the Nyquist frequency of the MS and of the PAN pixel.
        pan_weights: share of each band in PAN, summing to 1; by default .12 .28 .34 .26, or equal shares for another
            band count than four.
        noise_dn: standard deviation of white sensor noise, DN.
        peak_dn: largest DN; 1 is the smallest, as 0 stands for nodata.
        generator: source of the sensor noise.

    Returns:
        MS (C, H // ratio, W // ratio) and PAN (1, H // ratio * ratio, W // ratio * ratio), uint16 DN.
    """
    bands, h, w = scene.shape
    rows, columns = h // ratio, w // ratio
    if ratio < 1 or not rows or not columns:
        raise RequestError(f"a scene of {h} x {w} px holds no MS pixel at ratio {ratio}", fix="use a larger scene")
    even = ratio % 2 == 0
    # At an even ratio the centre lies between pixels and their mean blurs by cos(pi / 2 ratio): the kernel blurs less.
    kernel = mtf_kernel(ms_gain / (math.cos(math.pi / (2 * ratio)) if even else 1.0), ratio)
    blurred = _filtered(scene, kernel)
    inner = [(ratio - 1) // 2, ratio // 2] if even else [ratio // 2]
    ms = np.mean([blurred[:, i::ratio, j::ratio][:, :rows, :columns] for i in inner for j in inner], axis=0)
    weights = pan_weights or ((0.12, 0.28, 0.34, 0.26) if bands == 4 else (1.0 / bands,) * bands)
    pan = np.tensordot(np.asarray(weights), scene.astype(np.float64), axes=1)[None]
    pan = _filtered(pan, mtf_kernel(pan_gain, 1))[:, : rows * ratio, : columns * ratio]
    return _digitise(ms, noise_dn, peak_dn, generator), _digitise(pan, noise_dn, peak_dn, generator)


def _filtered(image: NDArray[np.floating], kernel: Array) -> Array:
    kernel = kernel / kernel.sum()  # a scene's level is not the sensor's to change
    tensor = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None]
    kernels = torch.from_numpy(kernel).expand(image.shape[0], -1, -1)
    return np.asarray(filter_bands(tensor, kernels)[0].numpy(), np.float64)


def _digitise(image: Array, noise: float, peak: int, generator: np.random.Generator) -> NDArray[np.uint16]:
    noisy = image * peak + noise * generator.standard_normal(image.shape)
    return np.clip(np.rint(noisy), 1, peak).astype(np.uint16)


def _compose(plan: Landscape, frame: _Frame, patches: Image, broad: Image, grain: Image) -> Image:
    """Sunlit reflectance of all surfaces, (4, h, w), mixed over the four quarters of each pixel."""
    painted = [*plan.painted, *plan.edges]
    ids = frame.burn([(polygon, number) for number, (polygon, _) in enumerate(painted, 1)])
    ground = np.array(SPECTRA["dry_grass"])
    table = np.array([Surface(ground, ground).row(), *(surface.row() for _, surface in painted)], np.float32)
    h, w = frame.size_hw
    image = np.empty((4, h, w), np.float32)
    for top in range(0, h, _STRIP_PX):
        rows = slice(top, min(h, top + _STRIP_PX))
        textures = patches[rows], broad[rows], grain[rows]
        strip = np.zeros((4, textures[0].shape[0], w), np.float32)
        for i in range(2):
            for j in range(2):
                x = (frame.left + (np.arange(w) + 0.25 + 0.5 * j) * frame.gsd).astype(np.float32)[None]
                y = (frame.top + (np.arange(rows.start, rows.stop) + 0.25 + 0.5 * i) * frame.gsd).astype(np.float32)
                quarter = ids[2 * rows.start + i : 2 * rows.stop : 2, j::2]
                strip += _reflectance(table[quarter], x, y[:, None], *textures)
        image[:, rows] = strip / 4
    return image


def _reflectance(surface: Image, x: Image, y: Image, patches: Image, broad: Image, grain: Image) -> Image:
    """Reflectance (4, h, w) of surfaces given as lines of the painting table, (h, w, 15)."""
    share, patchy, rows, kx, ky, track, broad_size, grain_size = np.moveaxis(surface[..., 8:], -1, 0)
    phase = kx * x + ky * y
    share = share + patchy * patches + rows * np.cos(phase)
    wave = np.hypot(kx, ky)
    # Wheel tracks run along every sixth row; the distance to the nearest one is in metres.
    lane = np.abs(phase / (12 * np.pi) - np.rint(phase / (12 * np.pi))) * 12 * np.pi / wave
    share = np.clip(share * (lane > track / 2), 0.0, 1.0)[..., None]
    mixed = surface[..., :4] * (1.0 - share) + surface[..., 4:8] * share
    texture = 1.0 + broad_size * broad + grain_size * grain
    return np.asarray(np.moveaxis(mixed, -1, 0) * np.maximum(texture, 0.3))


def _shadow_map(plan: Landscape, frame: _Frame) -> Image:
    """Share of each pixel that the sun does not reach, (h, w), 0..1."""
    cast = frame.burn([*((shade, 1) for shade in plan.shades), *((solid, 0) for solid in plan.solids)])
    h, w = frame.size_hw
    shadow: Image = cast.reshape(h, 2, w, 2).mean((1, 3)).astype(np.float32)
    away = -plan.sun[:2] / plan.sun[2]
    for tree in plan.trees:
        for height in (0.45, 0.8) if tree.height > 2.0 else (0.6,):
            x, y = np.array([tree.x, tree.y]) + away * tree.height * height
            found = _disc(frame, x, y, tree.radius * (1.0 if height < 0.7 else 0.8))
            if found is not None:
                window, dx, dy, reach = found
                cover = np.clip((reach - np.hypot(dx, dy)) / 1.5 + 0.5, 0.0, 0.92)
                shadow[window] = np.maximum(shadow[window], cover)
    return shadow


def _disc(frame: _Frame, x: float, y: float, radius: float) -> tuple[tuple[slice, slice], Image, Image, float] | None:
    """Window over a disc, offsets of its pixels from the centre (columns and rows, px), and the radius in px."""
    column, row, reach = (x - frame.left) / frame.gsd - 0.5, (y - frame.top) / frame.gsd - 0.5, radius / frame.gsd
    h, w = frame.size_hw
    top, bottom = max(0, math.floor(row - 1.3 * reach - 1)), min(h, math.ceil(row + 1.3 * reach + 2))
    left, right = max(0, math.floor(column - 1.3 * reach - 1)), min(w, math.ceil(column + 1.3 * reach + 2))
    if top >= bottom or left >= right:
        return None
    dx = (np.arange(left, right, dtype=np.float32) - np.float32(column))[None]
    dy = (np.arange(top, bottom, dtype=np.float32) - np.float32(row))[:, None]
    return (slice(top, bottom), slice(left, right)), dx, dy, reach


def _draw_crown(image: Image, grain: Image, tree: Tree, leaf: Image, sun: Array, frame: _Frame) -> None:
    """A lobed half ball over what is there, bright towards the sun; leaves pass more near infrared into the shade."""
    found = _disc(frame, tree.x, tree.y, tree.radius)
    if found is None:
        return
    window, dx, dy, reach = found
    far = np.hypot(dx, dy)
    lobes = 5 if tree.conifer else 4
    rim = reach * (1.0 + 0.13 * np.sin(lobes * np.arctan2(dy, dx) + 40.0 * tree.tone))
    alpha = np.clip(rim - far + 0.5, 0.0, 1.0)
    up = np.sqrt(np.clip(1.0 - (far / (1.15 * reach)) ** 2, 0.05, 1.0))
    steep = 0.8 if tree.conifer else 0.62
    light = (up * sun[2] + steep * (dx * sun[0] + dy * sun[1]) / reach).astype(np.float32) / np.float32(sun[2])
    light = np.clip(light, 0.0, 1.6) * (1.0 + 0.16 * grain[window])
    depth = np.array([0.62, 0.66, 0.68, 0.5], np.float32)[:, None, None]  # what a leaf in full shade lacks
    crown = np.float32(tree.tone) * leaf[:, None, None] * (1.0 - depth + depth * light) * 1.15
    under = image[:, window[0], window[1]]
    under += alpha * (crown - under)
