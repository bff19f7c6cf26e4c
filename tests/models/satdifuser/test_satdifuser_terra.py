"""Our base model as a backbone: which maps are read, at which latents, and how its bands lie."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from seamline.engine.errors import ModelError
from seamline.models.satdifuser.config import Config, Reading
from seamline.models.satdifuser.terra import TerraBackbone
from seamline.models.terra_ldm import network as terra
from seamline.models.terra_ldm.conditioning import Band, Conditioning
from seamline.models.terra_ldm.sampler import ddim_step, levels

BANDS = (Band(0.665, 10.0, "photo"), Band(), Band(0.49, None, "reflectance"))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(2)
    model = terra.TerraLdmTiny(terra.Config(forecast=4, depth=1, unet=(8, 12), embedding=16)).eval()
    torch.nn.init.normal_(model.unet.leave.weight, std=0.1)
    return model


@pytest.fixture(scope="module")
def image():
    return torch.rand(2, 3, 64, 32, generator=torch.Generator().manual_seed(0))


def features(network, image, **reading):
    backbone = TerraBackbone(network, Reading(**reading), BANDS)
    drawn = torch.randn(9, 2, 3, 16, 64, 64, generator=torch.Generator().manual_seed(1))
    found = backbone.features(image, lambda stream, shape: drawn[stream][..., : shape[2], : shape[3]])
    for scales in found:
        for scale, maps in zip(backbone.layout.scales, scales, strict=True):
            rows, columns = (length // scale.stride for length in image.shape[-2:])
            assert maps.shape == (2, scale.width, rows, columns)
    return found, drawn


def traced(network, state, time):
    return network.unet.trace(state, torch.full((6,), time), Conditioning.of(BANDS * 2))


def same(found, expected):
    assert torch.equal(found, expected.reshape(2, -1, *expected.shape[-2:]))


@torch.no_grad()
def test_the_inversion_leads_from_time_to_time_by_ddim(network, image):
    found, _ = features(network, image, times=(0.1, 0.3))
    state = levels(0.1)[0] * network.vae.encode(image.reshape(6, 1, 64, 32))
    velocity, maps = traced(network, state, 0.1)
    same(found[0][3], maps.middle)
    signal, sigma = levels(0.1)
    later = ddim_step(state, signal * state - sigma * velocity, 0.1, 0.3)
    middle = traced(network, later, 0.3)[1].middle.reshape(2, -1, 4, 2)
    torch.testing.assert_close(found[1][3], middle, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found[1][3], found[0][3], atol=1e-3)


@torch.no_grad()
def test_each_noising_has_noise_of_its_own(network, image):
    found, drawn = features(network, image, mode="noising", times=(0.2, 0.5))
    clean = network.vae.encode(image.reshape(6, 1, 64, 32))
    for number, time in enumerate((0.2, 0.5)):
        signal, sigma = levels(time)
        state = signal * clean + sigma * drawn[number][..., :16, :8].reshape(6, 16, 16, 8)
        same(found[number][3], traced(network, state, time)[1].middle)


@torch.no_grad()
def test_fine_scales_are_the_autoencoders_and_stay_as_they_are(network, image):
    found, _ = features(network, image, times=(0.1, 0.3))
    latents, second, first = network.vae.trace(image.reshape(6, 1, 64, 32))
    same(found[0][0], torch.asinh(first))
    same(found[0][1][:, :48], latents)
    same(found[0][1][:, 48:], torch.asinh(second))
    assert torch.equal(latents, network.vae.encode(image.reshape(6, 1, 64, 32)))
    assert all(torch.equal(found[0][scale], found[1][scale]) for scale in (0, 1))


def test_a_zoom_reads_the_enlarged_image(network, image):
    large = F.interpolate(image, scale_factor=2.0, mode="bicubic", align_corners=False)
    found, expected = features(network, image, zoom=2)[0], features(network, large)[0]
    assert all(torch.equal(a, b) for a, b in zip(found[0], expected[0], strict=True))


@pytest.mark.parametrize(("finest", "left"), [(1, 4), (2, 4), (3, 3), (8, 2), (16, 1)])
def test_scales_with_smaller_cells_are_left_out(network, image, finest, left):
    found, every = features(network, image, finest=finest)[0], features(network, image)[0]
    assert len(found[0]) == left
    assert all(torch.equal(a, b) for a, b in zip(found[0], every[0][-left:], strict=True))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"times": ()}, "ascend"),
        ({"times": (0.3, 0.1)}, "ascend"),
        ({"times": (0.0,)}, "between 0 and 1"),
        ({"times": (1.0,)}, "between 0 and 1"),
        ({"zoom": 3}, "enlarged by one of"),
        ({"finest": 17}, "cells of 17 px"),
        ({"finest": 16, "zoom": 2}, "cells of 16 px"),
    ],
)
def test_what_cannot_be_read_is_refused(network, wrong, said):
    with pytest.raises(ValueError, match=said):
        TerraBackbone(network, Reading(**wrong), BANDS)


@pytest.mark.parametrize("wrong", [{"mode": "denoising"}, {"zoom": 0}, {"finest": 0}])
def test_a_card_that_says_no_way_of_reading_is_refused(wrong):
    with pytest.raises(ValueError, match="features are read by inversion or noising"):
        Reading(**wrong)
    with pytest.raises(ModelError, match="does not describe this network"):
        Config.of({"head": {}, "backbone": {"kind": "terra", "name": "a", "digest": ""}, "reading": wrong})
