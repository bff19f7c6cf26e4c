"""The published SALAD-Pan as a tile model: a tiny copy of it, alone and through the engine."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
import rasterio
import torch
from rio_cogeo.cogeo import cog_validate
from torch import nn

from seamline.engine.contract import Runtime, Where
from seamline.engine.errors import ModelError, RequestError
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models.folder import Architecture, Card, Input, write_folder
from seamline.models.registry import resolve
from seamline.models.salad_pan.published.conditioning import Radiometry
from seamline.models.salad_pan.published.config import Config
from seamline.models.salad_pan.published.network import SaladPan
from seamline.models.salad_pan.published.tile import SPEC, TEXT, SaladPanTile, load
from seamline.tests.bounds import assert_within_one_dn
from seamline.tests.models.salad_pan.made_up import TINY

SENTENCES = ("a", "b", "c")


def trained(network: nn.Module, seed: int = 0) -> nn.Module:
    """Nothing is zero any more, as after training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():
            if not value.any():
                value.normal_(0.0, 0.3, generator=generator)
    return network.eval()


def seeded(build, seed: int = 0):
    torch.manual_seed(seed)
    return build()


def state_of(network: nn.Module, sentences=("", *SENTENCES)) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(9)
    texts = {TEXT + s: torch.randn(5, TINY.text, generator=generator) for s in sentences}
    return network.state_dict() | texts


def model(use: Radiometry, config: Config = TINY, **runtime) -> SaladPanTile:
    network = trained(seeded(lambda: SaladPan(config)))
    card = {"network": asdict(config), "use": asdict(use)}
    return load(card, state_of(network), Runtime(steps=2, **runtime))


def scene(bands: int, tiles: int = 1, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "pan": torch.rand(tiles, 1, 64, 64, generator=generator),
        "ms": torch.rand(tiles, bands, 64, 64, generator=generator),
    }


def where(*origins, seed: int = 7) -> Where:
    return Where(seed, 0, origins or ((0, 0),), {"pan": (1.0, 1.0), "ms": (4.0, 4.0)})


@pytest.mark.parametrize("bands", [1, 5])
def test_any_band_count_and_chunk_gives_the_same_bands(bands):
    batch = scene(bands)
    whole, chunked = (model(Radiometry(chunk=n)).predict(batch, where()) for n in (8, 2))
    assert whole.shape == (1, bands, 64, 64)
    assert_within_one_dn(whole, chunked)
    assert float(whole.std()) > 1e-3


def test_loading_gives_the_network_that_was_stored():
    # Frozen as after loading: attention picks its kernel by whether gradients may be asked for.
    network = trained(seeded(lambda: SaladPan(TINY))).requires_grad_(False)
    text = {"": state_of(network)[TEXT]}
    direct = SaladPanTile(network, Radiometry(), text, 2, 1.0).predict(scene(2), where())
    assert torch.equal(model(Radiometry()).predict(scene(2), where()), direct)


def test_bands_share_their_noise_or_draw_their_own():
    same = {name: x[:, :1].expand(1, 3, 64, 64) if name == "ms" else x for name, x in scene(1).items()}
    shared, own = (model(Radiometry(noise=noise)).predict(same, where()) for noise in ("shared", "band"))
    assert_within_one_dn(shared[:, 0], shared[:, 2])
    assert not torch.allclose(own[:, 0], own[:, 2], atol=1e-3)
    assert_within_one_dn(own[:, 0], shared[:, 0])


def test_each_band_has_its_sentence_and_the_maximum_its_place():
    batch = {name: x[:, :1].expand(1, 3, 64, 64) if name == "ms" else x for name, x in scene(1).items()}
    told = model(Radiometry(SENTENCES)).predict(batch, where())
    assert not torch.allclose(told[:, 0], told[:, 1], atol=1e-4)
    native = {name: 500.0 * x for name, x in batch.items()}
    scaled = model(Radiometry(SENTENCES, 500.0)).predict(native, where())
    assert_within_one_dn(scaled / 500.0, told)


def test_tiles_of_a_batch_do_not_see_each_other_and_the_seed_decides():
    network = model(Radiometry(SENTENCES), replace(TINY, region=2))
    one, two = scene(3, seed=1), scene(3, seed=2)
    both = {name: torch.cat((one[name], two[name])) for name in one}
    pair = network.predict(both, where((0, 0), (64, 128)))
    assert_within_one_dn(pair[1:], network.predict(two, where((64, 128))))
    assert torch.equal(network.predict(one, where()), network.predict(one, where()))
    assert not torch.allclose(network.predict(one, where()), network.predict(one, where(seed=8)), atol=1e-3)


def test_guidance_needs_and_uses_the_empty_sentence():
    batch = scene(3)
    plain, pushed = (model(Radiometry(SENTENCES), guidance=w).predict(batch, where()) for w in (1.0, 4.0))
    assert not torch.allclose(plain, pushed, atol=1e-4)
    network = SaladPan(TINY)
    card = {"network": asdict(TINY), "use": asdict(Radiometry(SENTENCES))}
    with pytest.raises(ModelError, match="no embedding of the prompt ''"):
        load(card, state_of(network, SENTENCES), Runtime(guidance=2.0))
    load(card, state_of(network, SENTENCES), Runtime())


def test_absent_cross_band_attention_is_left_out_and_nothing_else_may_be_absent():
    config = replace(TINY, region=2)
    card = {"network": asdict(config), "use": asdict(Radiometry(SENTENCES))}
    network = trained(seeded(lambda: SaladPan(config)))
    state = state_of(network)
    batch = scene(3)
    with_it = load(card, state, Runtime(steps=1)).predict(batch, where())
    released = {key: value for key, value in state.items() if "_cross_band." not in key}
    assert len(released) < len(state)
    without = load(card, released, Runtime(steps=1)).predict(batch, where())
    assert not torch.equal(with_it, without)
    released.pop("unet.mid_block.spa_to_base.proj.bias")
    with pytest.raises(ModelError, match=r"spa_to_base\.proj\.bias missing"):
        load(card, released, Runtime())
    state.pop("unet.mid_block.spa_cross_band.out.bias")
    with pytest.raises(ModelError, match=r"spa_cross_band\.out\.bias missing"):
        load(card, state, Runtime())


@pytest.mark.parametrize(
    ("network", "use", "message"),
    [
        ({"coupling": "both"}, {}, "coupling is code or paper"),
        ({"base": [16.5, 32]}, {}, "positive whole number"),
        ({"branch": [4]}, {}, "levels of the base"),
        ({"surprise": 1}, {}, "surprise"),
        ({"base_groups": 5}, {"prompts": [""]}, "no network can be built"),
        ({}, {"noise": "pink"}, "noise is shared or band"),
        ({}, {"maximum": 0}, "maximum is positive"),
        ({}, {"prompts": ["nobody embedded this"]}, "no embedding of the prompt"),
    ],
)
def test_configs_that_do_not_fit_are_refused(network, use, message):
    card = {"network": asdict(TINY) | network, "use": asdict(Radiometry()) | use}
    with pytest.raises(ModelError, match=message):
        load(card, {TEXT: torch.zeros(5, 8)}, Runtime())
    del card["network"]
    with pytest.raises(ModelError, match="network"):
        load(card, {}, Runtime())


def test_steps_and_attention_that_cannot_be_are_refused():
    with pytest.raises(RequestError, match="0 steps"):
        load({}, {}, Runtime(steps=0))
    with pytest.raises(ModelError, match="xformers"):
        model(Radiometry(), attention="xformers")


def test_a_run_through_the_engine_gives_a_valid_cog(small_pair, tmp_path):
    network = trained(seeded(lambda: SaladPan(TINY)))
    use = Radiometry(("a", "b", "c", "a"), 2047.0)
    card = Card(
        name="tiny",
        version="1",
        task="pansharpen",
        architecture=Architecture(
            name="salad_pan_sd15",
            config={
                "network": {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(TINY).items()},
                "use": asdict(use) | {"prompts": list(use.prompts)},
            },
        ),
        inputs=(Input(name="pan", bands=1), Input(name="ms", bands=4, ratio=(2.0, 6.0))),
        main="ms",
        align=SPEC.align,
        margin=SPEC.margin,
        tile=64,
        overlap=32,
        latent=SPEC.latent,
        stochastic=True,
        options=("steps",),
        licence="none",
        training_data="none",
        citation="none",
    )
    write_folder(tmp_path / "tiny", card, state_of(network))
    ms, pan = small_pair
    out = tmp_path / "out.tif"
    source = resolve(str(tmp_path / "tiny"), "pansharpen")
    run(
        Request(inputs={"ms": str(ms), "pan": str(pan)}, out=str(out), steps=1, threads=1, tile=128, overlap=32), source
    )
    valid, errors, _ = cog_validate(out)
    assert valid, errors
    with rasterio.open(out) as file:
        assert (file.count, file.shape, file.dtypes[0]) == (4, (80, 96), "uint16")
        values = file.read()
    assert values.max() <= 2047
    assert np.std(values) > 1
    with pytest.raises(ModelError, match="takes 4 band"):
        run(Request(inputs={"ms": str(pan), "pan": str(pan)}, out=str(tmp_path / "no.tif"), steps=1), source)
