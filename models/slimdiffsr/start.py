"""Where a student starts: what it keeps of Stable Diffusion 2.1 and of TAESD; the rest is as newly built.

Kept are norms, shortcuts, projections, feed-forward nets, samplers, and the layers of the autoencoder; new are the
light convolutions, the global aggregation and the fused convolutions (arXiv 2605.02198, section 3.5.2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch

from ..convert import check_fit, read_tensors
from .layers import DirectionSeparableConv, FrequencySeparableConv, QueryAggregation
from .network import SlimDiffSR

WEIGHTS = "diffusion_pytorch_model.safetensors"

_FUSED = ("merge_conv1", "merge_conv2")
_NEW = (FrequencySeparableConv, DirectionSeparableConv, QueryAggregation)
# Names in the student, and what they are called in Stable Diffusion's UNet.
_UNET = (
    (re.compile(r"^up_blocks\.0\."), "up_blocks.2."),
    (re.compile(r"^up_blocks\.1\."), "up_blocks.3."),
    (re.compile(r"^mid_block\.mid_block\."), "down_blocks.2.resnets.0."),
)


def unet_key(key: str) -> str:
    """What a key of the pruned UNet is called in Stable Diffusion's."""
    for pattern, name in _UNET:
        key, hits = pattern.subn(name, key)
        if hits:
            break
    return key


def new_keys(network: SlimDiffSR) -> frozenset[str]:
    """Keys of the student that neither foundation has."""
    return frozenset(
        f"{name}.{key}"
        for name, module in network.named_modules()
        if name in _FUSED or isinstance(module, _NEW)
        for key in module.state_dict()
    )


def start_from(network: SlimDiffSR, unet: Mapping[str, torch.Tensor], codec: Mapping[str, torch.Tensor]) -> None:
    """Give a newly built student what it keeps of its foundations.

    Args:
        network: is changed; a student in which a plain convolution or self-attention was chosen keeps that too.
        unet: state dict of diffusers' UNet with the levels of Stable Diffusion 2.1.
        codec: state dict of ``AutoencoderTiny``, or of ``AutoencoderKL`` where the student has it.

    Raises:
        ModelError: naming keys that are missing there or of another shape.
    """
    new = new_keys(network)
    own = {key: value for key, value in network.state_dict().items() if key not in new}
    given: dict[str, torch.Tensor] = {}
    for part, source, called in (("unet.", unet, unet_key), ("vae.", codec, str)):
        names = {key: called(key.removeprefix(part)) for key in own if key.startswith(part)}
        wanted = {name: own[key] for key, name in names.items()}
        check_fit(wanted, {name: source[name] for name in wanted if name in source}, where=part.removesuffix("."))
        given |= {key: source[name] for key, name in names.items()}
    network.load_state_dict(given, strict=False)


def start_from_folders(network: SlimDiffSR, diffusion: Path, codec: Path) -> None:
    """As ``start_from``, from folders as diffusers saves them.

    Args:
        diffusion: of Stable Diffusion 2.1, with ``unet/``.
        codec: of TAESD, or of the autoencoder that the student has.

    Raises:
        RequestError: a file is not there.
        ModelError: keys or shapes are not those of the student.
    """
    start_from(network, read_tensors(diffusion / "unet" / WEIGHTS), read_tensors(codec / WEIGHTS))
