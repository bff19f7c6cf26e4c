"""Low-rank adapters: nothing changes at the start, only they learn, and merging them changes nothing."""

from __future__ import annotations

import copy

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from seamline.engine.errors import ModelError, RequestError
from seamline.models.slimdiffsr.teacher.lora import (
    STABLE_DIFFUSION,
    TERRA_UNET,
    Adapted,
    adapt,
    adapter_state,
    load_adapters,
    merge,
)
from seamline.models.terra_ldm.conditioning import Band, Conditioning
from seamline.models.terra_ldm.unet import BaseUNet
from seamline.tests.bounds import assert_same_but_rounding


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def diffusers_unet() -> nn.Module:
    return UNet2DConditionModel(
        block_out_channels=(32, 64),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=16,
        attention_head_dim=8,
        use_linear_projection=True,
    )


def terra_unet() -> nn.Module:
    unet = BaseUNet(4, (16, 24), 16)
    nn.init.normal_(unet.leave.weight, std=0.1)
    return unet


def run(network: nn.Module) -> torch.Tensor:
    latents = torch.randn(2, 4, 16, 16, generator=generator())
    if isinstance(network, BaseUNet):
        return network(latents, torch.tensor([0.2, 0.7]), Conditioning.of([Band(), Band(0.8, 10.0)]))
    return network(latents, torch.tensor([5, 600]), torch.ones(2, 3, 16)).sample


NETWORKS = {"diffusers": (diffusers_unet, STABLE_DIFFUSION), "terra": (terra_unet, TERRA_UNET)}


def adapted(name: str, rank: int = 4, seed: int = 0) -> tuple[nn.Module, tuple[str, ...]]:
    build, targets = NETWORKS[name]
    torch.manual_seed(0)
    network = build()
    return network, adapt(network, targets, rank, generator(seed))


def disturb(network: nn.Module) -> None:
    """As after training."""
    draw = generator(7)
    for module in network.modules():
        if isinstance(module, Adapted):
            nn.init.normal_(module.lora_b.weight, std=0.05, generator=draw)


@pytest.mark.parametrize("name", NETWORKS)
def test_new_adapters_change_no_bit_and_draw_nothing_from_the_global_generator(name):
    torch.manual_seed(0)
    plain = NETWORKS[name][0]()
    network = copy.deepcopy(plain)
    state = torch.get_rng_state()
    adapt(network, NETWORKS[name][1], 4, generator())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(run(network), run(plain))


@pytest.mark.parametrize("name", NETWORKS)
def test_merging_keeps_the_result_and_restores_the_keys(name):
    network, _ = adapted(name)
    before = run(network)
    disturb(network)
    trained = run(network)
    assert float((trained - before).abs().max()) > 1e-2
    merge(network)
    assert_same_but_rounding(run(network), trained)
    assert network.state_dict().keys() == NETWORKS[name][0]().state_dict().keys()


@pytest.mark.parametrize("name", NETWORKS)
def test_only_adapters_learn_and_all_of_them(name):
    network, names = adapted(name)
    disturb(network)
    run(network).square().sum().backward()
    learning = {key for key, value in network.named_parameters() if value.grad is not None and value.grad.any()}
    assert learning == set(adapter_state(network))
    assert len(learning) == 2 * len(names)


def test_targets_are_the_published_ones():
    _, names = adapted("diffusers")
    ends = {
        *("to_q", "to_k", "to_v", "to_out.0", "conv", "conv1", "conv2", "conv_shortcut", "conv_in", "conv_out"),
        *("proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"),
    }
    assert {end for end in ends if any(name == end or name.endswith("." + end) for name in names)} == ends
    assert not any("time_emb" in name or "norm" in name for name in names)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(6, 5),
        nn.Conv2d(6, 5, 3, padding=1, padding_mode="replicate"),
        nn.Conv2d(6, 5, 4, stride=2, padding=1, bias=False),
        nn.Conv2d(6, 5, 3, padding=2, dilation=2),
    ],
)
def test_every_kind_of_layer_is_merged(layer):
    holder = nn.Sequential(copy.deepcopy(layer))
    adapt(holder, ("0",), 3, generator())
    disturb(holder)
    x = torch.randn(2, 6, 8, 6, generator=generator(1))
    trained = holder(x)
    merge(holder)
    assert_same_but_rounding(holder(x), trained)
    assert not torch.equal(holder[0].weight, layer.weight)


def test_first_matrix_has_the_deviation_of_one_over_the_rank():
    holder = nn.Sequential(nn.Linear(2000, 4))
    adapt(holder, ("0",), 32, generator())
    assert float(holder[0].lora_a.weight.std()) == pytest.approx(1 / 32, rel=0.02)
    assert not holder[0].lora_b.weight.any()


def test_adapters_travel_alone():
    one, _ = adapted("terra", seed=1)
    two, _ = adapted("terra", seed=2)
    disturb(one)
    state = adapter_state(one)
    assert all(".lora_a." in key or ".lora_b." in key for key in state)
    load_adapters(two, state)
    assert torch.equal(run(one), run(two))
    with pytest.raises(ModelError, match="do not fit"):
        load_adapters(adapted("terra", rank=2)[0], state)


def test_base_in_half_precision_keeps_its_type():
    holder = nn.Sequential(nn.Linear(6, 5)).to(torch.bfloat16)
    adapt(holder, ("0",), 3, generator())
    disturb(holder)
    assert holder[0].lora_a.weight.dtype == torch.float32
    assert holder(torch.ones(1, 6, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_refusals():
    network, _ = adapted("terra")
    with pytest.raises(RequestError, match="already"):
        adapt(network, TERRA_UNET, 4, generator())
    with pytest.raises(RequestError, match="no layer is called to_q"):
        adapt(terra_unet(), ("to_q",), 4, generator())
    with pytest.raises(RequestError, match="groups"):
        adapt(nn.Sequential(nn.Conv2d(4, 4, 3, groups=4)), ("0",), 4, generator())
