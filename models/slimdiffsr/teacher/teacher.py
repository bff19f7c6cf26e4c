"""The one-step teacher: one pass of a diffusion model at the timestep that the image's uncertainty asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import nn

from ....engine.errors import ModelError, RequestError
from ...terra_ldm.conditioning import Conditioning
from .backbone import Backbone, Prediction
from .blend import blended
from .lora import is_adapter
from .uncertainty import Estimate

Times = Literal["scalar", "map"]
"""One timestep an image, the mean of the noise levels of its cells; or one a cell."""

_LEAST_SPREAD = 1e-3  # of the table's range of times
_OWN = ("estimator.", "levels.")


class Restored(NamedTuple):
    """What one pass gives.

    Attributes:
        image: (N, C, H, W) in -1..1, not clamped.
        latents: clean latents (N x C / bands, latent, h, w), float32; bands of an image lie next to each other.
        level: noise level (alpha bar) of each cell as the predictor gave it, (N x C / bands, 1, h, w).
        time: (N x C / bands,), or (N x C / bands, 1, h, w) where it is a map.
        estimate: mean and log-variance of the latents.
        features: maps of the denoising network, (N, C / bands x channels, h', w').
    """

    image: torch.Tensor
    latents: torch.Tensor
    level: torch.Tensor
    time: torch.Tensor
    estimate: Estimate
    features: dict[str, torch.Tensor]


class OneStepTeacher(nn.Module):
    """Uncertainty, noise level, timestep, one denoising pass (SlimDiffSR, section 3.2).

    The formula of the pass is not printed in the paper; it is that of one-step models before it: the blurred image's
    latents are taken for noisy ones of the chosen level, and what is clean follows from the prediction.

    As published the predictor of the noise level sees the sharp image's latents.  Without ``truth`` it sees the
    estimated ones in their place: our deviation, by which the teacher can be used where there is no truth.

    Args:
        backbone: the diffusion model.
        estimator: of the uncertainty, from latents.
        levels: noise level of each cell, from latents and log-variance.
        times: whether the pass has one time or a map of times, see ``blend``.
    """

    def __init__(self, backbone: Backbone, estimator: nn.Module, levels: nn.Module, times: Times = "scalar") -> None:
        super().__init__()
        self.backbone, self.estimator, self.levels = backbone, estimator, levels
        self.times = times

    def forward(
        self, image: torch.Tensor, given: Conditioning | None = None, truth: torch.Tensor | None = None
    ) -> Restored:
        """Sharpen an upsampled image.

        Args:
            image: (N, C, H, W) in -1..1, at the size of the result; H and W multiples of ``backbone.stride``, C of
                ``backbone.bands``.
            given: what is known of the N x C bands, for backbones that take one at a time.
            truth: the sharp image, of the same shape; None where there is none.

        Raises:
            RequestError: sides or bands do not fit.
        """
        found = self.denoise(image, given, truth)
        return found._replace(image=self.backbone.decode(found.latents).reshape(image.shape))

    def denoise(
        self, image: torch.Tensor, given: Conditioning | None = None, truth: torch.Tensor | None = None
    ) -> Restored:
        """As ``forward``, but nothing is decoded: the image that comes back is the one that was given."""
        latents = self.encode(image)
        estimate: Estimate = self.estimator(latents)
        shown = estimate.mean if truth is None else self.encode(truth)
        level = self.levels(shown, estimate.log_variance)
        clean, time, features = self._step(latents, level, given)
        joined = {name: each.reshape(len(image), -1, *each.shape[-2:]) for name, each in features.items()}
        return Restored(image, clean, level, time, estimate, joined)

    def widths(self, bands: int) -> dict[str, int]:
        """Channels of the features by name, for images of so many bands."""
        return {name: width * bands // self.backbone.bands for name, width in self.backbone.widths.items()}

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """Latents (N x C / bands, latent, h, w) of images (N, C, H, W), without gradient, in float32.

        Raises:
            RequestError: sides or bands do not fit.
        """
        bands, stride = self.backbone.bands, self.backbone.stride
        _, channels, height, width = image.shape
        if channels % bands or height % stride or width % stride:
            raise RequestError(
                f"{channels} bands of {height} x {width} px do not fit",
                where="teacher",
                fix=f"give multiples of {bands} bands and {stride} px",
            )
        with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
            return self.backbone.encode(image.float().reshape(-1, bands, height, width))

    def _step(
        self, latents: torch.Tensor, level: torch.Tensor, given: Conditioning | None
    ) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        """Clean latents, time and features."""
        table = self.backbone.table

        def ask(at: torch.Tensor) -> Prediction:
            return self.backbone.predict(latents, at, given)

        if self.times == "map":
            time = table.time(level)
            least = _LEAST_SPREAD * float((table.times[0] - table.times[-1]).abs())
            found = blended(ask, time, least)
        else:
            level = level.mean(dim=(1, 2, 3), keepdim=True)
            time = table.time(level[:, 0, 0, 0])
            found = ask(time)
        return self.backbone.clean(latents, found.output, table.within(level)), time, found.features


def trained_state(teacher: OneStepTeacher) -> dict[str, torch.Tensor]:
    """What training moves: estimator, predictor and adapters; the foundation is not in it."""
    return {key: value for key, value in teacher.state_dict().items() if _moves(key)}


def load_trained(teacher: OneStepTeacher, state: Mapping[str, torch.Tensor]) -> None:
    """Inverse of ``trained_state``, for a teacher built alike.

    Raises:
        ModelError: keys or shapes are not the teacher's.
    """
    own = trained_state(teacher)
    if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in state.items()}:
        raise ModelError("the state is that of another teacher", where="teacher", fix="build it with the same widths")
    teacher.load_state_dict(state, strict=False)


def _moves(key: str) -> bool:
    return key.startswith(_OWN) or is_adapter(key)
