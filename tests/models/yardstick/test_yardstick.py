"""The yardstick: its size, what it is before training, and that tiles do not matter to it."""

from __future__ import annotations

import pytest
import torch

from seamline.engine.contract import Runtime, Where
from seamline.engine.errors import ModelError
from seamline.engine.facts import UNMEASURED
from seamline.models.salad_pan.fusion import blur, fused_classically
from seamline.models.yardstick.network import Yardstick
from seamline.models.yardstick.tile import SPEC, load
from seamline.tests.bounds import UNIT_DN, assert_within_one_dn

SMALL = {"width": 8, "depth": 8}


def scene(bands: int, side: int, seed: int = 0) -> dict[str, torch.Tensor]:
    rough = torch.rand(1, bands + 1, side, side, generator=torch.Generator().manual_seed(seed))
    smooth = blur(rough, (1.5, 1.5), 4.0)
    return {"pan": smooth[:, :1] + 0.1 * rough[:, :1], "ms": blur(smooth[:, 1:], (3.0, 3.0), 4.0)}


def where(ratio: float = 4.0) -> Where:
    return Where(0, 0, ((0, 0),), {"pan": (1.0, 1.0), "ms": (ratio, ratio)})


def trained(seed: int = 0) -> Yardstick:
    """A network whose last layer is not zero, as after training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Yardstick(**SMALL)
        torch.nn.init.normal_(network.tail.weight, std=0.2)
    return network


def predict(batch: dict[str, torch.Tensor], network: Yardstick, ratio: float = 4.0) -> torch.Tensor:
    return load(SMALL, network.state_dict(), Runtime()).predict(batch, where(ratio))


def test_it_has_the_stated_size():
    parameters = sum(p.numel() for p in Yardstick().parameters())
    assert abs(parameters - 0.64e6) <= 0.05 * 0.64e6


@pytest.mark.parametrize("bands", [1, 3, 8])
def test_untrained_it_is_the_classical_fusion_and_trained_it_is_not(bands):
    batch = scene(bands, 64)
    base = fused_classically(batch["pan"], batch["ms"], (4.0, 4.0), UNMEASURED)
    assert torch.equal(predict(batch, Yardstick(**SMALL)), base)
    assert not torch.allclose(predict(batch, trained()), base, atol=1e-3)


@pytest.mark.parametrize("ratio", [2.0, 4.0, 5.0])
def test_a_tile_gives_the_pixels_of_the_whole_scene_beyond_its_margin_and_only_there(ratio):
    side, tile, m, first = 400, 272, SPEC.margin, 64
    batch, network = scene(2, side), trained()
    whole = predict(batch, network, ratio)
    cut = {name: x[..., first : first + tile, first : first + tile] for name, x in batch.items()}
    part, there = predict(cut, network, ratio), whole[..., first : first + tile, first : first + tile]
    assert_within_one_dn(part[..., m:-m, m:-m], there[..., m:-m, m:-m])
    assert float((part - there)[..., :8].abs().max()) > 4 * UNIT_DN
    assert float(whole.std()) > 1e-2


def test_the_margin_is_the_reach_and_not_less():
    """A change beyond the margin moves nothing; the network has the depth that ships."""
    batch, network, side = scene(1, 256), trained(), 256
    changed = {"pan": batch["pan"].clone(), "ms": batch["ms"].clone()}
    changed["pan"][..., : side // 2 - SPEC.margin] += 1.0
    moved = (predict(changed, network, 5.0) - predict(batch, network, 5.0)).abs().amax(dim=(0, 1, 2))
    assert not moved[side // 2 :].any()
    assert moved[: side // 2 - SPEC.margin // 2].any()


def test_bands_are_treated_alike():
    batch, network, order = scene(4, 64), trained(), [2, 0, 3, 1]
    turned = {"pan": batch["pan"], "ms": batch["ms"][:, order]}
    assert_within_one_dn(predict(turned, network), predict(batch, network)[:, order])


def test_foreign_configs_and_weights_are_refused():
    with pytest.raises(ModelError, match="does not describe"):
        load({"breadth": 3}, {}, Runtime())
    with pytest.raises(ModelError, match="missing"):
        load(SMALL, {}, Runtime())
