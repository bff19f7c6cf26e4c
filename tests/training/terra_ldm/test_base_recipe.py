"""The recipes of the base model, run for two steps on made-up scenes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from seamline.engine.contract import Runtime, Where
from seamline.engine.errors import RequestError
from seamline.models.folder import load_folder
from seamline.models.terra_ldm.network import Config, TerraLdmTiny, load_base
from seamline.models.terra_ldm.tile import SPEC, load
from seamline.tests.bounds import assert_same_but_rounding
from seamline.training.data.sources import Source, load_sources
from seamline.training.reading import read_recipe
from seamline.training.run import train
from seamline.training.settings import SourceSettings
from seamline.training.terra_ldm.data import BandPatches, band_of
from seamline.training.terra_ldm.run import hours_spent
from seamline.training.terra_ldm.spectrum import radial_spectrum, spectrum_error
from seamline.training.terra_ldm.stages import BaseVaeStage, calibrate_base

RECIPES = Path(__file__).resolve().parents[3] / "training" / "recipes"
MADE_UP = {"dataset": "procedural", "scenes": 1, "wavelengths": [0.66, 0.56, 0.48, 0.84], "gsd": 0.5, "kind": "photo"}


def overrides(folder: Path, vae: int, diffusion: int, **further: object) -> dict[str, object]:
    return {
        "output": str(folder),
        "precision": "no",
        "network": {"forecast": 8, "depth": 1, "unet": [8, 16], "embedding": 16},
        "data.sources": [MADE_UP],
        "data.patch": 64,
        "data.unrolled": 2,
        "data.held_out": 2,
        "data.held_out_patch": 64,
        "vae.steps": vae,
        "diffusion.steps": diffusion,
        **further,
    }


@pytest.fixture(autouse=True)
def _without_data(monkeypatch):
    monkeypatch.delenv("SEAMLINE_DATA", raising=False)


def test_the_recipes_train_one_after_the_other_and_give_a_model_that_loads(tmp_path):
    vae = train(RECIPES / "terra_vae.yaml", overrides(tmp_path / "vae", 2, 0))
    begun = load_folder(vae)[1]
    stored, ended = load_folder(train(RECIPES / "terra_unet.yaml", overrides(tmp_path / "unet", 0, 2, init=str(vae))))
    frozen = [name for name in begun if name.startswith("vae.")]
    assert all(torch.equal(begun[name], ended[name]) for name in frozen)
    assert ended["unet.leave.weight"].any()
    assert not begun["unet.leave.weight"].any()
    network = load_base(stored.path)
    noise = torch.randn(1, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    batch = stream()(0)
    given = batch.given
    first = type(given)(given.wavelength[:1], given.gsd[:1], given.kind[:1])
    assert torch.isfinite(network(noise, first, 2)).all()

    rows = {row.protocol: row.values for row in stored.card.quality}
    before = hours_spent(vae)
    assert 0 < before < rows["cost"]["CPU hours in all"] < 1
    assert rows["cost"]["CPU hours in all"] == pytest.approx(before + rows["cost"]["CPU hours of this run"])
    assert rows["autoencoder, val split"]["mode dB"] > 100
    assert json.loads((tmp_path / "unet" / "unet.json").read_text())["step"] == 2
    assert "share-alike" in stored.card.training_data
    assert stored.card.spec == SPEC

    model = load(stored.card.architecture.config, ended, Runtime())
    image = torch.rand(2, 3, 64, 32, generator=torch.Generator().manual_seed(1))
    back = model.predict({"image": image}, Where(0, 0, ((0, 0),), {"image": (1.0, 1.0)}))
    assert_same_but_rounding(back, image)


def test_a_longer_run_goes_on_from_the_checkpoint(tmp_path):
    train(RECIPES / "terra_vae.yaml", overrides(tmp_path, 2, 0))
    spent = json.loads((tmp_path / "cost.json").read_text())["cpu_hours"]
    train(RECIPES / "terra_vae.yaml", overrides(tmp_path, 3, 0))
    assert torch.load(tmp_path / "vae.pt", weights_only=True)["step"] == 3
    assert json.loads((tmp_path / "cost.json").read_text())["cpu_hours"] > spent


@cache
def sources() -> tuple[Source, ...]:
    settings = SourceSettings("procedural", scenes=1, wavelengths=(0.66, 0.56, 0.48, 0.0), gsd=0.5, reduce=(1, 2))
    return tuple(load_sources(None, [settings], "val", 0))


def stream(seed: int = 0) -> BandPatches:
    return BandPatches(sources(), 64, 4, seed)


def test_a_batch_is_a_function_of_its_number():
    one, same, other = stream()(7), stream()(7), stream()(8)
    assert torch.equal(one.image, same.image)
    assert one.seed == same.seed
    assert one.image.shape != other.image.shape or not torch.equal(one.image, other.image)
    shapes = {tuple(stream()(k).image.shape) for k in range(12)}
    assert shapes == {(4, 1, 64, 64), (16, 1, 32, 32)}


def test_bands_carry_what_their_source_says():
    seen = [stream()(k) for k in range(12)]
    sizes = torch.cat([batch.gsd for batch in seen])
    assert set(sizes.tolist()) == {0.5, 1.0}
    waves = torch.cat([batch.wavelength for batch in seen])
    assert waves.isnan().any()
    known = {round(value, 2) for value in waves[~waves.isnan()].tolist()}
    assert known == {0.66, 0.56, 0.48}
    with pytest.raises(RequestError, match="2 wavelengths"):
        band_of(SourceSettings("x", wavelengths=(0.5, 0.6)), 2)
    with pytest.raises(RequestError, match="no kind"):
        band_of(SourceSettings("x", kind="radar"), 0)


@pytest.mark.parametrize("name", ["terra_vae.yaml", "terra_unet.yaml"])
def test_the_shipped_recipes_name_a_wavelength_for_every_band_they_read(name):
    recipe = read_recipe(RECIPES / name)
    for source in recipe.data.sources:
        assert all(0.4 < wave < 2.5 for wave in source.wavelengths)
        band_of(source, 0)
    shared = {read_recipe(RECIPES / other).data.sources for other in ("terra_vae.yaml", "terra_unet.yaml")}
    assert len(shared) == 1


def test_training_the_autoencoder_lowers_its_bound_and_calibration_whitens():
    torch.manual_seed(0)
    model = TerraLdmTiny(Config.of(overrides(Path(), 0, 0)["network"]))
    stage, batch = BaseVaeStage(model), stream()(0)
    optimiser = torch.optim.Adam(stage.parameters(), 5e-3)
    losses = []
    for _ in range(30):
        loss = stage(batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.97 * losses[0]
    calibrate_base(model.vae, [batch])
    latent = model.vae.encode(batch.image).transpose(0, 1).flatten(1)
    torch.testing.assert_close(latent.mean(dim=1), torch.zeros(16), atol=1e-3, rtol=0)
    torch.testing.assert_close(latent.std(dim=1), torch.ones(16), atol=1e-3, rtol=0)


def test_the_spectrum_of_white_noise_is_flat_and_of_smooth_noise_is_not():
    generator = torch.Generator().manual_seed(0)
    white = torch.randn(16, 1, 64, 64, generator=generator)
    flat = radial_spectrum(white)
    assert np.ptp(10 * np.log10(flat[1:].numpy())) < 1.0
    smooth = torch.nn.functional.avg_pool2d(white, 3, 1, 1)
    assert spectrum_error(radial_spectrum(smooth), flat) > 5
    assert spectrum_error(radial_spectrum(2 * white), flat) == pytest.approx(20 * np.log10(2), abs=0.01)
