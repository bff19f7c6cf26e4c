"""Perceptual distances that training can follow."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from seamline.engine.errors import ModelError, RequestError
from seamline.engine.quality.perceptual import alexnet
from seamline.engine.quality.perceptual.registry import METRICS
from seamline.models.terra_ldm.network import Config, TerraLdmTiny
from seamline.training.distill.perceptual import BaseFeatures, Lpips, as_rgb


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    network = alexnet()
    save_file(network.state_dict(), tmp_path / "alexnet.safetensors")
    heads = {f"lin{k}.model.1.weight": torch.rand(1, width, 1, 1) for k, width in enumerate(network.channels)}
    save_file(heads, tmp_path / "lpips_alex.safetensors")
    return tmp_path


def base() -> TerraLdmTiny:
    torch.manual_seed(0)
    network = TerraLdmTiny(Config(8, 2, (16, 24), 16))
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network


def distances(folder) -> dict[str, nn.Module]:
    return {"lpips": Lpips(folder), "base": BaseFeatures(base())}


@pytest.mark.parametrize("name", ["lpips", "base"])
@pytest.mark.parametrize("bands", [3, 2])
def test_equal_images_are_at_zero_and_more_noise_is_further(folder, name, bands):
    distance = distances(folder)[name]
    truth = noise(2, bands, 64, 64).tanh()
    with torch.no_grad():
        values = [float(distance(truth + share * noise(2, bands, 64, 64, seed=1), truth)) for share in (0, 0.05, 0.3)]
    assert values[0] == 0.0
    assert 0 < 2 * values[1] < values[2]


@pytest.mark.parametrize("name", ["lpips", "base"])
def test_the_gradient_reaches_what_was_found_and_nothing_else(folder, name):
    distance = distances(folder)[name]
    found, truth = noise(1, 3, 64, 64).requires_grad_(), noise(1, 3, 64, 64, seed=1).requires_grad_()
    distance(found, truth).backward()
    assert bool(torch.isfinite(found.grad).all())
    assert float(found.grad.abs().mean()) > 0
    assert truth.grad is None
    assert all(parameter.grad is None for parameter in distance.parameters())


@pytest.mark.parametrize("name", ["lpips", "base"])
def test_it_can_be_descended(folder, name):
    distance = distances(folder)[name]
    truth = noise(1, 3, 64, 64).tanh()
    found = (truth + 0.3 * noise(1, 3, 64, 64, seed=1)).requires_grad_()
    optimiser = torch.optim.Adam([found], 0.02)
    first = float(distance(found, truth).detach())
    for _ in range(12):
        optimiser.zero_grad()
        loss = distance(found, truth)
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.8 * first


@pytest.mark.parametrize("name", ["lpips", "base"])
def test_it_is_exact_under_autocast(folder, name):
    distance = distances(folder)[name]
    found, truth = noise(1, 3, 64, 64), noise(1, 3, 64, 64, seed=1)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        value = distance(found.bfloat16().float(), truth)
    assert value.dtype == torch.float32
    assert float(value) == float(distance(found.bfloat16().float(), truth))


def test_it_is_the_metric_of_the_same_files(folder):
    found, truth = noise(1, 3, 64, 64).sigmoid(), noise(1, 3, 64, 64, seed=1).sigmoid()
    measure = METRICS["LPIPS"].load(folder)
    wanted = measure.conclude(measure.observe(found, truth))
    with torch.no_grad():
        assert float(Lpips(folder)(2 * found - 1, 2 * truth - 1)) == pytest.approx(wanted, rel=1e-3)


def test_bands_that_are_not_colours_are_shown_one_by_one():
    four = noise(2, 4, 5, 5)
    shown = as_rgb(four)
    assert shown.shape == (8, 3, 5, 5)
    assert torch.equal(shown[5, 2], four[1, 1] / 2 + 0.5)
    assert torch.equal(as_rgb(four[:, :3]), four[:, :3] / 2 + 0.5)


def test_all_maps_of_the_base_model_count(folder):
    distance = BaseFeatures(base())
    maps = distance.maps(noise(2, 3, 32, 32))
    assert [tuple(each.shape) for each in maps] == [
        (2, 16, 8, 8),
        *[(2, 16, 4, 4)] * 2,
        (2, 24, 2, 2),
        *[(2, 16, 4, 4)] * 2,
    ]


def test_missing_and_wrong_files_are_named(folder):
    save_file({"lin0.model.1.weight": torch.zeros(1, 64, 1, 1)}, folder / "lpips_alex.safetensors")
    with pytest.raises(ModelError, match="lin1"):
        Lpips(folder)
    (folder / "lpips_alex.safetensors").unlink()
    with pytest.raises(RequestError, match=r"lpips_alex\.safetensors or lpips_alex\.pth"):
        Lpips(folder)
