"""Fuser and head on cached features: fitted, and scored."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ...engine.events import Listener
from ...engine.quality.classes import ClassScores, LabelSetScores
from .batches import Batches
from .cache import FeatureCache
from .features import Example, classes_of
from .fit import Clock, FitSettings, Fitted, batch_size, class_weights, fit
from .gather import Gathered
from .labelled import Material
from .measure import confusion, label_sets
from .model import Eye
from .tiles import Geometry

Scores = ClassScores | LabelSetScores
_MEASURING_S = 2.0


class HeadFit:
    """Fits and scores a network on cached features."""

    def __init__(
        self,
        clock: Clock,
        fit: FitSettings,
        seed: int,
        material: Material,
        eye: Eye,
        geometry: Geometry,
        cache: FeatureCache,
        device: str,
        check: Callable[[], None],
    ) -> None:
        self._clock, self._settings, self._seed = clock, fit, seed
        self._material, self._geometry, self._cache = material, geometry, cache
        self._strides, self._device, self._check = eye.backbone.layout.strides, device, check

    def fit(self, network: nn.Module, found: Gathered, deadline: float, listener: Listener) -> Fitted:
        """Fit the network in place, best weights last; what is left is as a model folder stores it."""
        settings, geometry = self._settings, self._geometry
        weights = class_weights(classes_of(found.train, len(self._material.names)))
        cut = max(settings.cut // geometry.step, 1) * geometry.step
        cut = geometry.patch if geometry.patch > 1 else min(cut, max(max(e.labels.shape) for e in found.train))
        batches = Batches(
            examples=found.train,
            cache=self._cache,
            strides=self._strides,
            patch=geometry.patch,
            step=geometry.step,
            cut=cut,
            size=batch_size(settings, cut),
            seed=self._seed,
        )

        def look(examples: Any) -> float:
            return score_of(self.scores(network, examples), patches=geometry.patch > 1)

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            fitted = fit(
                network,
                batches,
                found.held_out,
                look,
                weights,
                settings,
                deadline=deadline - _MEASURING_S,
                device=self._device,
                listener=listener,
                check=self._check,
                clock=self._clock,
            )
        network.load_state_dict({name: _stored(value) for name, value in network.state_dict().items()})
        return fitted

    @torch.inference_mode()
    def scores(self, network: nn.Module, examples: list[Example]) -> Scores:
        """Scores of the network on examples."""
        names = self._material.names
        count = label_sets if self._material.many else confusion
        counts = count(
            network.eval(),
            examples,
            self._cache,
            patch=self._geometry.patch,
            classes=len(names),
            device=self._device,
            check=self._check,
        )
        if self._material.many:
            return LabelSetScores(names, counts[:, 0], counts[:, 1], counts[:, 2])
        return ClassScores(names, counts)


def score_of(scores: Scores, *, patches: bool) -> float:
    """The number that early stopping goes by: micro F1 of label sets, accuracy of patches, mean IoU of pixels."""
    if isinstance(scores, LabelSetScores):
        value = scores.micro_f1
    else:
        value = scores.accuracy if patches else scores.miou
    return 0.0 if math.isnan(value) else value


def _stored(value: torch.Tensor) -> torch.Tensor:
    """A weight as a model folder gives it back."""
    return value.half().to(value.dtype) if value.is_floating_point() else value
