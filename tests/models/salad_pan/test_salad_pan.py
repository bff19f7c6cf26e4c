"""The small SALAD-Pan model: what holds before any training, for any band count, and across tiles."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from rasterio.transform import from_origin

from seamline.engine.contract import Runtime, Where
from seamline.engine.errors import ModelError, RequestError
from seamline.engine.facts import UNMEASURED, Response
from seamline.engine.optics.mtf import mtf_kernel
from seamline.engine.plan.make import make_plan
from seamline.engine.request import Request
from seamline.models.salad_pan.fusion import blur, conditions, fused_classically, mtf_sigma, products, shares_in_pan
from seamline.models.salad_pan.layers import CrossBandAttention, GatedZeroConv, box3, fuse
from seamline.models.salad_pan.network import Config, SaladPanTiny
from seamline.models.salad_pan.tile import SPEC, load
from seamline.models.terra_ldm.sampler import ddim_step, levels, sample, times
from seamline.tests.bounds import assert_within_one_dn
from seamline.tests.models.salad_pan.scenes import measured

SMALL = {"latent": 4, "vae_width": 8, "base": [8, 16], "branch": 8, "embedding": 16}
SHIPPED = {"latent": 8, "vae_width": 40, "base": [48, 96], "branch": 32, "embedding": 96}
SEEN = Response(gain=0.3, lift=0.65)


def trained(config: dict = SMALL, seed: int = 0) -> SaladPanTiny:
    """A network in which nothing is zero, as after training."""
    torch.manual_seed(seed)
    network = SaladPanTiny(Config.of(config))
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    return network.eval()


def scene(bands: int, side: int, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(1, bands + 1, side, side, generator=generator)
    smooth = blur(rough, (1.5, 1.5), 4.0)
    return {"pan": smooth[:, :1] + 0.1 * rough[:, :1], "ms": blur(smooth[:, 1:], (3.0, 3.0), 4.0)}


def where(*origins: tuple[int, int], ratio: float = 4.0, seed: int = 7, sample: int = 0) -> Where:
    ratios = {"pan": (1.0, 1.0), "ms": (ratio, ratio)}
    return Where(seed, sample, origins or ((0, 0),), ratios, response=SEEN)


def given(batch):
    """Its conditions at ratio 4."""
    return conditions(batch["pan"], batch["ms"], (4.0, 4.0), SEEN, shares_in_pan(measured(batch, where()).statistics))


def predict(batch, at, *, steps=2, network=None):
    model = load(SMALL, (network or trained()).state_dict(), Runtime(steps=steps))
    at = at if at.statistics.size else measured(batch, at)
    return model.predict(batch, at)["image"]


@pytest.mark.parametrize("bands", [1, 3, 4, 8])
def test_untrained_model_equals_its_classical_base(bands):
    torch.manual_seed(1)
    batch = scene(bands, 64)
    fused = predict(batch, where(), network=SaladPanTiny(Config.of(SMALL)))
    base = given(batch).base.reshape(batch["ms"].shape)
    assert torch.equal(fused, base)
    assert not torch.allclose(predict(batch, where()), base, atol=1e-3)


def test_branches_change_nothing_before_training_and_something_after():
    torch.manual_seed(2)
    one, two = given(scene(4, 64)), given(scene(4, 64, seed=1))
    noisy, time = torch.randn(4, 4, 16, 16), torch.full((4,), 0.6)
    network = SaladPanTiny(Config.of(SMALL)).unet
    assert torch.equal(network(noisy, time, one), network(noisy, time, two))
    other = trained().unet
    assert not torch.allclose(other(noisy, time, one), other(noisy, time, two), atol=1e-3)


def test_the_response_that_was_measured_matters():
    batch, network = scene(3, 64), trained()
    at = where()
    sharp = replace(at, response=Response(gain=0.6, lift=1.2))
    noisy = replace(at, response=replace(SEEN, noise=(0.01, 0.02, 0.03)))
    one = predict(batch, at, network=network)
    assert not torch.allclose(one, predict(batch, sharp, network=network), atol=1e-4)
    assert not torch.allclose(one, predict(batch, noisy, network=network), atol=1e-6)
    unmeasured = predict(batch, replace(at, response=None), network=network)
    assert torch.equal(unmeasured, predict(batch, replace(at, response=UNMEASURED), network=network))


def test_deviations_are_positive_and_change_no_image():
    batch = scene(3, 64)
    at = measured(batch, where())
    model = load(SMALL, trained().state_dict(), Runtime())
    found = model.predict(batch, at)
    assert found["uncertainty"].shape == batch["ms"].shape
    assert (found["uncertainty"] > 0).all()
    wider = trained()
    wider.vae.widen(1.1)
    more = load(SMALL, wider.state_dict(), Runtime()).predict(batch, at)
    assert torch.equal(more["image"], found["image"])
    ratio = more["uncertainty"] / found["uncertainty"]
    assert 1.0 < float(ratio.min()) <= float(ratio.max()) <= 1.1 + 1e-4


def test_zero_convolution_starts_at_zero_and_learns():
    conv, x = GatedZeroConv(3, 5), torch.randn(2, 3, 4, 4)
    assert not conv(x).any()
    conv(x).sum().backward()
    assert conv.proj.weight.grad is not None
    assert conv.proj.weight.grad[:5].any()


def test_fusion_takes_low_frequencies_from_ms_and_high_ones_from_pan():
    base, spatial, spectral = (torch.randn(1, 2, 9, 9, dtype=torch.float64) for _ in range(3))
    low = base + (box3(spectral) - 0.0)
    assert torch.allclose(fuse(base, spatial, spectral), low + spatial - box3(spatial))
    flat = torch.ones_like(base)
    assert torch.allclose(fuse(base, 5.0 * flat, 0.0 * flat), base)
    assert torch.allclose(fuse(base, 0.0 * flat, 5.0 * flat), base + 5.0)


def test_cross_band_attention_knows_no_band_order_and_mixes_bands_only():
    torch.manual_seed(3)
    attention = CrossBandAttention(8, heads=4).double()
    torch.nn.init.normal_(attention.out.weight, std=0.5)
    x = torch.randn(2 * 5, 8, 4, 4, dtype=torch.float64)
    out = attention(x, 5)
    order = torch.tensor([3, 0, 4, 1, 2])
    turned = x.reshape(2, 5, 8, 4, 4)[:, order].reshape(x.shape)
    assert torch.allclose(attention(turned, 5), out.reshape(2, 5, 8, 4, 4)[:, order].reshape(x.shape))
    changed = x.clone()
    changed[0, :, 1, 1] += 3.0
    moved = (attention(changed, 5) - out).abs().amax(dim=1) > 1e-9
    assert moved[:5, 1, 1].all()
    assert int(moved.sum()) == 5


def test_bands_can_be_reordered():
    batch = scene(4, 64)
    order = [2, 0, 3, 1]
    turned = {"pan": batch["pan"], "ms": batch["ms"][:, order]}
    assert_within_one_dn(predict(turned, where()), predict(batch, where())[:, order])


def test_shares_in_pan_are_those_of_the_mixture_that_it_is():
    batch, ratio = scene(3, 96), (4.0, 4.0)
    everywhere, mixture = torch.ones(96, 96, dtype=torch.bool), torch.tensor([0.5, 0.0, 0.3])
    # Bands that the instrument has seen already: seeing the mixture once more is all that tells PAN from it.
    pan = (batch["ms"] * mixture[:, None, None]).sum(dim=1)
    shares = shares_in_pan(products(pan, batch["ms"][0], everywhere, ratio, Response(0.97, 1.0)))
    assert shares.tolist() == pytest.approx(mixture.tolist(), abs=0.05)
    flat = shares_in_pan(products(torch.full_like(pan, 0.3), torch.ones(3, 96, 96), everywhere, ratio, SEEN))
    assert torch.isfinite(flat).all()


def test_lowpass_has_the_gain_of_the_mtf_filter():
    line = mtf_kernel(0.3, 4.0).sum(axis=0)
    at = np.arange(-20, 21)
    measured = float(np.sum(line * np.cos(2 * math.pi * at / 8)) / line.sum())
    designed = math.exp(-0.5 * (2 * math.pi / 8 * mtf_sigma(0.3, 4.0)) ** 2)
    assert designed == pytest.approx(0.3, abs=1e-9)
    assert measured == pytest.approx(designed, abs=0.02)


def test_base_recovers_a_band_that_is_a_multiple_of_pan():
    batch = scene(1, 96)
    low = blur(batch["pan"], (mtf_sigma(0.3, 4.0),) * 2, 4.0)
    base = fused_classically(batch["pan"], 0.5 * low + 0.2, (4.0, 4.0), SEEN)
    # The floor on the variance holds the gain a little below the true one.
    assert float((base - (0.5 * batch["pan"] + 0.2)).abs().mean()) < 0.01
    assert float((0.5 * low - 0.5 * batch["pan"]).abs().mean()) > 0.012


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_sampler_asks_as_often_as_told_and_ends_at_the_prediction(steps):
    asked = []

    def denoise(z, time):
        asked.append(time)
        return torch.full_like(z, 3.0)

    checks = []
    out = sample(denoise, torch.randn(1, 2, 4, 4), steps, lambda: checks.append(1))
    assert asked == times(steps)
    assert asked[0] == 1.0
    assert len(checks) == steps
    assert torch.equal(out, torch.full_like(out, 3.0))


def test_ddim_step_keeps_the_noise():
    clean, noise = torch.randn(2, 2, 3, 4, 4, dtype=torch.float64)
    signal, sigma = levels(0.8)
    after_signal, after_sigma = levels(0.3)
    moved = ddim_step(signal * clean + sigma * noise, clean, 0.8, 0.3)
    torch.testing.assert_close(moved, after_signal * clean + after_sigma * noise)


def test_steps_seed_and_sample_matter_and_nothing_else():
    batch, network = scene(3, 64), trained()
    first = predict(batch, where(), network=network)
    assert torch.equal(first, predict(batch, where(), network=network))
    for other in (where(seed=8), where(sample=1), where((8, 0))):
        assert not torch.equal(first, predict(batch, other, network=network))
    assert not torch.equal(first, predict(batch, where(), steps=1, network=network))


@pytest.mark.parametrize("steps", [1, 2])
def test_a_tile_gives_the_pixels_of_the_whole_scene(steps):
    side, tile, row, column = 320, 160, 72, 96
    batch, network = scene(3, side), trained()
    whole = predict(batch, where((16, 40)), steps=steps, network=network)
    cut = {name: x[..., row : row + tile, column : column + tile] for name, x in batch.items()}
    at = replace(where((16 + row, 40 + column)), statistics=measured(batch, where()).statistics)
    part = predict(cut, at, steps=steps, network=network)
    inner = 72  # beyond the receptive field of two steps of a network with large random weights
    a = whole[..., row + inner : row + tile - inner, column + inner : column + tile - inner]
    b = part[..., inner:-inner, inner:-inner]
    assert_within_one_dn(b, a)
    assert float(b.std()) > 1e-2


def test_tiles_of_a_batch_do_not_see_each_other():
    network = trained()
    one, two = scene(4, 64, seed=1), scene(4, 64, seed=2)
    both = {name: torch.cat((one[name], two[name])) for name in one}
    at = measured(both, where((0, 0), (8, 64)))
    pair = predict(both, at, network=network)
    assert_within_one_dn(pair[:1], predict(one, replace(at, origins=((0, 0),)), network=network))
    assert_within_one_dn(pair[1:], predict(two, replace(at, origins=((8, 64),)), network=network))


@pytest.mark.parametrize("ratio", [2.0, 3.37, 4.0])
def test_ratios_and_uneven_tiles(ratio):
    batch = {name: x[..., :64, :40] for name, x in scene(4, 64).items()}
    fused = predict(batch, where(ratio=ratio))
    assert fused.shape == (1, 4, 64, 40)
    assert torch.isfinite(fused).all()


def test_a_ratio_that_the_model_does_not_take_is_refused_by_the_plan(write_raster, tmp_path):
    ms = write_raster("ms.tif", np.ones((3, 8, 8), np.uint16))
    pan = write_raster("pan.tif", np.ones((1, 64, 64), np.uint16), transform=from_origin(500000, 5000000, 0.25, 0.25))
    request = Request(inputs={"ms": str(ms), "pan": str(pan)}, out=str(tmp_path / "o.tif"))
    with pytest.raises(ModelError, match=r"takes 1\.5 to 5") as caught:
        make_plan(request, SPEC, "salad-pan-tiny@1")
    assert caught.value.fix


def test_requests_that_do_not_fit_are_refused():
    with pytest.raises(RequestError, match="steps"):
        predict(scene(3, 64), where(), steps=0)
    with pytest.raises(ModelError):
        load({"latent": 4}, {}, Runtime())
    with pytest.raises(ModelError, match="missing"):
        load(SMALL, {}, Runtime())


def test_size():
    parameters = sum(p.numel() for p in SaladPanTiny(Config.of(SHIPPED)).parameters())
    assert 2 * parameters <= 8e6
    assert SPEC.align % SPEC.latent == 0
    assert 2 * SPEC.margin + 16 <= SPEC.overlap <= SPEC.tile // 2
