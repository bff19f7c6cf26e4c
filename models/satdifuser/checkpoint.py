"""Released checkpoints of fusers and heads: which keys they have, and what network those describe.

The released training saves the whole decoder in one flat dict, beside its settings, which are pickled objects.  Those
could run code and are not read: what they would tell is told by the shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ...engine.errors import ModelError
from ..convert import check_fit, read_tensors
from .fusers.build import build_fuser
from .fusers.config import FuserConfig, Kind
from .heads import Linear
from .layout import Layout
from .upernet import POOLS, UPerConfig, UPerNet

ENTRY = "decoder_net"
"""Of the released files, which holds the tensors."""

COUNTER = "batches"
"""Key of a mixture's count of batches, which released files do not have."""

_KINDS: Mapping[str, Kind] = {"mixing_weights": "global", "gate_modules": "local", "scale_moes": "experts"}
_FUSER = ("bottleneck_layers", *_KINDS)


@dataclass(frozen=True, slots=True)
class Released:
    """A released decoder.

    Attributes:
        fuser: its shape.
        fuser_state: weights, as a fuser of that shape loads them.
        head: shape of UPerNet, or the number of classes of the linear head.
        head_state: weights, as that head loads them.
    """

    fuser: FuserConfig
    fuser_state: Mapping[str, torch.Tensor]
    head: UPerConfig | int
    head_state: Mapping[str, torch.Tensor]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.head if isinstance(self.head, int) else self.head.classes


def read_released(path: Path, layout: Layout) -> Released:
    """Read a released checkpoint and hold it to the network that its shapes describe, key by key.

    Mixtures are taken as past their warm-up, as trained ones are.

    Args:
        path: ``best_ckpt_step_N.pth`` without its pickled settings, or its ``decoder_net`` alone.
        layout: of the backbone that it was trained on.

    Raises:
        RequestError: the file is not there.
        ModelError: it holds more than tensors and plain values, or keys or shapes are not those of a released decoder.
    """
    state = read_tensors(path, within=ENTRY)
    parts = {key: value for key, value in state.items() if key.split(".")[0] in _FUSER}
    rest = {key: value for key, value in state.items() if key not in parts}
    try:
        fuser, head = _fuser(parts), _head(rest)
    except (KeyError, IndexError, ValueError) as error:
        raise ModelError(
            f"no keys of a released fuser and head ({error})",
            where=str(path),
            fix="give a checkpoint of the released training, or its decoder_net alone",
        ) from error
    with torch.device("meta"):
        own = build_fuser(layout, fuser).state_dict()
        built = Linear(fuser.width, head) if isinstance(head, int) else UPerNet(fuser.width, len(layout.scales), head)
    own.pop(COUNTER, None)
    check_fit(own, parts, where=str(path))
    check_fit(built.state_dict(), rest, where=str(path))
    if fuser.kind == "experts":
        parts[COUNTER] = torch.tensor([fuser.warmup])
    return Released(fuser, parts, head, rest)


def _fuser(state: Mapping[str, torch.Tensor]) -> FuserConfig:
    """Shape of the fuser, as its keys and shapes tell it."""
    found = {_KINDS[name] for name in {key.split(".")[0] for key in state} & _KINDS.keys()}
    if len(found) != 1:
        raise ValueError(f"{len(found)} kinds of fuser")
    (kind,) = found
    first = "scale_moes.0.experts.0.0." if kind == "experts" else "bottleneck_layers.0.0."
    experts = {key.split(".")[3] for key in state if key.startswith("scale_moes.0.experts.")}
    return FuserConfig(
        kind,
        width=state[first + "conv3.weight"].shape[0],
        bottleneck=state[first + "conv1.weight"].shape[0],
        experts=len(experts) or FuserConfig().experts,
        # Its bottlenecks were trained on the channels that the released code gives them.
        as_released=kind == "local",
    )


def _head(state: Mapping[str, torch.Tensor]) -> UPerConfig | int:
    """Shape of the head, as its keys and shapes tell it."""
    if "decoder_head.2.weight" in state:
        return state["decoder_head.2.weight"].shape[0]
    classes, channels = state["conv_seg.weight"].shape[:2]
    pools = {key.split(".")[1] for key in state if key.startswith("psp_modules.")}
    return UPerConfig(classes, channels, POOLS[: len(pools)])
