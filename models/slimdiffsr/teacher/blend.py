"""A network that is told one time an image, asked for a time that differs from cell to cell.

The paper shows a map of timesteps and does not say how it conditions a network.  Here the network is asked at a few
times between the map's least and greatest, and each cell takes the answers at the two times around its own, by linear
interpolation.  A map of one value gives what the network gives at that value; the price is one pass a time.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional as F

from .backbone import Prediction

ANCHORS = 3
"""Times at which the network is asked."""


def blended(
    predict: Callable[[torch.Tensor], Prediction], time: torch.Tensor, least: float, anchors: int = ANCHORS
) -> Prediction:
    """Prediction at a map of times.

    Args:
        predict: the network at times (N,).
        time: (N, 1, h, w), h and w those of the prediction; gradients reach it.
        least: spread of the times in an image below which they count as about one, > 0; keeps slopes finite.
        anchors: passes, at least 2.

    Returns:
        Output and features; at coarser resolution a feature map mixes by the mean weights of its cells.
    """
    low, high = time.amin(dim=(1, 2, 3)), time.amax(dim=(1, 2, 3))
    spread = (high - low).clamp(min=least)
    place = (time - low[:, None, None, None]) / spread[:, None, None, None] * (anchors - 1)
    output = torch.zeros_like(time)
    features: dict[str, torch.Tensor] = {}
    for k in range(anchors):
        found = predict(low + spread * (k / (anchors - 1)))
        weight = F.relu(1.0 - (place - k).abs())
        output = output + weight * found.output.float()
        for name, each in found.features.items():
            share = F.adaptive_avg_pool2d(weight, (each.shape[-2], each.shape[-1]))
            mixed = share * each.float()
            features[name] = features[name] + mixed if k else mixed
    return Prediction(output, features)
