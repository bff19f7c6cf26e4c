"""Tiny scenes with labels, and a backbone and a head that cost nothing."""

from __future__ import annotations

import json

import numpy as np
import rasterio
import torch
from rasterio.transform import from_origin
from torch import nn
from torch.nn import functional as F

from seamline.models.satdifuser.layout import Layout, Scale

LEFT, TOP, CRS = 500000, 5000000, "EPSG:32633"


def two_kinds(height, width, bands=3, seed=0, period=32):
    """(C, h, w) uint16 of squares of two kinds, and which kind each pixel is.

    The first band is bright where the second is dark, and so on: norms over channels leave no trace of brightness.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.arange(height) // period, np.arange(width) // period
    kind = (rows[:, None] + columns[None, :]) % 2
    means = np.where((kind[None] + np.arange(bands)[:, None, None]) % 2, 900, 400)
    return (means + rng.normal(0, 30, (bands, height, width))).clip(1).astype(np.uint16), kind.astype(np.uint8)


def write_image(path, values, *, left=LEFT, top=TOP, crs=CRS, gsd=1.0, **more):
    values = np.asarray(values)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=len(values),
        height=values.shape[1],
        width=values.shape[2],
        dtype=values.dtype,
        crs=crs,
        transform=from_origin(left, top, gsd, gsd),
        **more,
    ) as file:
        file.write(values)
    return str(path)


def draw(path, boxes, field="kind"):
    """A GeoJSON of rectangles (class, column, row, width, height), px of a scene."""
    features = []
    for name, column, row, width, height in boxes:
        x, y = LEFT + column, TOP - row
        ring = [[x, y], [x + width, y], [x + width, y - height], [x, y - height], [x, y]]
        shape = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": {field: name}, "geometry": shape})
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{CRS.split(':')[1]}"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
    return str(path)


def squares(size, period=32, inset=4, step=2):
    """Rectangles inside some of the squares of ``two_kinds``, as a person would draw them."""
    side = period - 2 * inset
    return [
        (("dark", "bright")[(i + j) % 2], j * period + inset, i * period + inset, side, side)
        for i in range(0, size // period)
        for j in range(0, size // period)
        if (i + 2 * j) % step == 0
    ]


class Means:
    """A backbone whose features are what the image is like on average, seen from the left.

    The features of a turned image are not the turned features: a cell also tells how it differs from its left half.
    """

    def __init__(self, bands=3):
        channels = (bands, bands)
        self.layout = Layout((1, 5), (Scale(4, channels), Scale(8, channels)))
        self.align, self.reach, self.calls = 8, 8, 0

    def features(self, image, noise, checkpoint):
        self.calls += 1
        checkpoint()
        times = []
        for weight in (1.0, 0.5):
            scales = []
            for stride in (4, 8):
                mean = F.avg_pool2d(image, stride)
                left = F.avg_pool2d(image[..., :-1], stride // 2, (stride, stride))
                scales.append(weight * torch.cat([mean, mean - left[..., : mean.shape[-2], : mean.shape[-1]]], dim=1))
            times.append(scales)
        return times


class Head(nn.Module):
    """Logits of pixels, or of patches, from the finest scale of the first time."""

    def __init__(self, classes=2, bands=3, patch=1, seed=0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.conv = nn.Conv2d(2 * bands, classes, 1)
        self.patch = patch

    def forward(self, features, size):
        logits = self.conv(features[0][0])
        if self.patch == 1:
            return F.interpolate(logits, size, mode="nearest")
        return logits.mean(dim=(2, 3))


def write_backbone(folder, seed=0):
    """The base model with very few channels and random weights, as a model folder."""
    from seamline.models.folder import Architecture, Card, write_folder
    from seamline.models.terra_ldm.network import ARCHITECTURE, Config, TerraLdmTiny
    from seamline.models.terra_ldm.tile import SPEC

    config = Config(forecast=4, depth=1, unet=(8, 8), embedding=16)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = TerraLdmTiny(config)
        for parameter in network.parameters():
            if parameter.ndim > 1 and not parameter.any():
                nn.init.normal_(parameter, std=0.1)
    about = Architecture(name=ARCHITECTURE, config={"forecast": 4, "depth": 1, "unet": [8, 8], "embedding": 16})
    card = Card.of(SPEC, architecture=about, licence="CC0-1.0", training_data="none", citation="none")
    write_folder(folder, card, network.state_dict())
    return str(folder)
