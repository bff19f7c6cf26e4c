"""Training of the published-size SALAD-Pan, two steps of each stage on small networks and made-up pairs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file

from seamline.engine.contract import Runtime, Where
from seamline.engine.errors import Cancelled, ModelError, RequestError
from seamline.engine.optics.sensors import find_sensor
from seamline.models.folder import load_folder
from seamline.models.salad_pan.published.checkpoint import Sources, convert, is_base
from seamline.models.salad_pan.published.conditioning import prompts
from seamline.models.salad_pan.published.config import Config
from seamline.models.salad_pan.published.network import SaladPan, outline, unet_settings
from seamline.models.salad_pan.published.tile import load
from seamline.models.salad_pan.published.vae import encode, to_one_channel, vae_settings
from seamline.training.reading import read_recipe
from seamline.training.run import train
from seamline.training.salad_pan.data import SensorBatch, SensorTurns, held_out_batches, load_pairs
from seamline.training.salad_pan.recipe import FusionWeights
from seamline.training.salad_pan.run import reconstruction
from seamline.training.salad_pan.stages import AdapterStage, draws
from seamline.training.salad_pan.start import embedded, sentences, start_vae

h5py = pytest.importorskip("h5py")

RECIPES = Path(__file__).resolve().parents[3] / "training" / "recipes"
VAE, ADAPTERS = RECIPES / "salad_pan_vae.yaml", RECIPES / "salad_pan_adapters.yaml"
NETWORK = {
    "base": [16, 32],
    "base_heads": 2,
    "base_groups": 4,
    "text": 8,
    "branch": [4, 8],
    "branch_heads": 2,
    "vae": [4, 4, 8, 8],
    "vae_groups": 4,
}
CONFIG = Config.of({**NETWORK, "scaling_factor": 1.0})


@pytest.fixture(autouse=True)
def _another_accelerator(monkeypatch):
    monkeypatch.delenv("SEAMLINE_DATA", raising=False)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def collection(path: Path, bands: int, peak: float, count: int = 3, side: int = 32) -> str:
    """A PanCollection file whose bands are multiples of PAN."""
    rng = np.random.default_rng(bands)
    pan = rng.uniform(0.1, 0.9, (count, 1, side // 2, side // 2)).repeat(2, 2).repeat(2, 3)
    truth = pan * (np.arange(bands)[:, None, None] + 1) / bands
    coarse = truth.reshape(count, bands, side // 4, 4, side // 4, 4).mean((3, 5))
    with h5py.File(path, "w") as file:
        for key, values in {"pan": pan, "gt": truth, "ms": coarse, "lms": coarse.repeat(4, 2).repeat(4, 3)}.items():
            file.create_dataset(key, data=values * peak)
    return str(path)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Pairs of a four-band and an eight-band sensor, a small Stable Diffusion, and embedded prompts."""
    root = tmp_path_factory.mktemp("salad")
    for sensor, bands, peak in (("gf2", 4, 1023.0), ("wv3", 8, 2047.0)):
        for part in ("train", "valid"):
            collection(root / f"{part}_{sensor}.h5", bands, peak)
    torch.manual_seed(0)
    UNet2DConditionModel(**unet_settings(CONFIG)).save_pretrained(root / "sd15" / "unet")
    AutoencoderKL(**vae_settings(CONFIG) | {"in_channels": 3, "out_channels": 3}).save_pretrained(root / "sd15" / "vae")
    told = ("", *prompts(find_sensor("GF2")), *prompts(find_sensor("WV3")))
    save_file({sentence: torch.randn(5, 8) for sentence in told}, root / "text.safetensors")
    return root


def pairs(root: Path, *sensors: str) -> list[dict[str, object]]:
    return [
        {"sensor": s.upper(), "train": str(root / f"train_{s}.h5"), "valid": str(root / f"valid_{s}.h5"), "check": [1]}
        for s in sensors
    ]


def overrides(root: Path, out: Path, **more: object) -> dict[str, object]:
    return {
        "output": str(out),
        "precision": "no",
        "network": NETWORK,
        "data.patch": 16,
        "data.resolution": 32,
        "data.unrolled": 8,
        "data.images": 2,
        "data.held_out_patch": 16,
        "data.pairs": pairs(root, "gf2", "wv3"),
        "salad.steps": 2,
        **more,
    }


def stage_one(root: Path, out: Path, steps: int = 2, **more: object) -> Path:
    return train(VAE, overrides(root, out, **{"salad.vae": str(root / "sd15" / "vae"), "vae.steps": steps, **more}))


def stage_two(root: Path, out: Path, vae: Path, steps: int = 2, **more: object) -> Path:
    given = {"salad.base": str(root / "sd15"), "salad.vae": str(vae), "salad.text": str(root / "text.safetensors")}
    return train(ADAPTERS, overrides(root, out, **given, **{"diffusion.steps": steps, **more}))


@pytest.fixture(scope="module")
def vae(root, tmp_path_factory) -> Path:
    """The first stage's result."""
    return stage_one(root, tmp_path_factory.mktemp("vae"))


# -- stage I ----------------------------------------------------------------------------------------------------------


def test_stage_one_starts_from_the_collapsed_autoencoder_and_measures_the_scaling_afterwards(root, vae):
    start = to_one_channel(load_file(root / "sd15" / "vae" / "diffusion_pytorch_model.safetensors"))
    trained = AutoencoderKL.from_pretrained(vae).requires_grad_(False)
    moved = {key for key, value in trained.state_dict().items() if not torch.equal(value, start[key])}
    assert moved >= {"encoder.conv_in.weight", "decoder.conv_out.weight"}
    # Two steps of AdamW in the warm-up of a hundred: 3e-6, then 6e-6.
    assert all(float((trained.state_dict()[key] - start[key]).abs().max()) < 1e-5 for key in moved)

    latents = [encode(trained, b.target.flatten(0, 1)[:, None]) for b in calibration(root)]
    assert float(torch.stack([x.std() for x in latents]).mean()) == pytest.approx(1.0, abs=0.03)
    table = json.loads((vae.parent / "vae.json").read_text())
    assert table["scaling_factor"] == trained.config.scaling_factor
    held_out = held_out_batches(sources(root), settings(root))
    assert table["PSNR"] == pytest.approx(reconstruction(trained, held_out)["PSNR"], rel=1e-3)


def settings(root: Path, **more: object):
    return read_recipe(VAE, overrides(root, Path(), **more)).data


def sources(root: Path, *sensors: str):
    return load_pairs(
        settings(root, **{"data.pairs": pairs(root, *(sensors or ("gf2", "wv3")))}), Path(), Path(), print
    )


@torch.no_grad()
def calibration(root: Path) -> list[SensorBatch]:
    turns = SensorTurns(sources(root), settings(root), 99)
    return [turns(k) for k in range(32)]


def test_a_cancelled_run_goes_on_and_ends_where_an_unbroken_one_ends(root, tmp_path):
    calls = []

    def check():
        calls.append(1)
        if len(calls) > 2:
            raise Cancelled

    given = {"salad.vae": str(root / "sd15" / "vae"), "vae.steps": 4}
    with pytest.raises(Cancelled):
        train(VAE, overrides(root, tmp_path / "broken", **given), check)
    assert torch.load(tmp_path / "broken" / "vae.pt", weights_only=True)["step"] == 2
    broken = stage_one(root, tmp_path / "broken", 4)
    assert torch.load(tmp_path / "broken" / "vae.pt", weights_only=True)["step"] == 4
    whole = load_file(stage_one(root, tmp_path / "whole", 4) / "diffusion_pytorch_model.safetensors")
    found = load_file(broken / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(whole[key], found[key]) for key in whole)


def test_the_scaling_measured_before_training_is_that_of_the_start(root, vae, tmp_path):
    before = stage_one(root, tmp_path, **{"salad.scaling": "before"})
    factors = [AutoencoderKL.load_config(path)["scaling_factor"] for path in (before, vae)]
    assert factors[0] != factors[1]
    start = start_vae(CONFIG, root / "sd15" / "vae", 0)
    start.requires_grad_(False)
    turns = SensorTurns(sources(root), settings(root), 2025)
    spreads = [
        start.encode(2 * turns(10**9 + k).target.flatten(0, 1)[:, None] - 1).latent_dist.mode().std() for k in range(32)
    ]
    assert factors[0] == pytest.approx(1 / float(torch.stack(spreads).mean()), rel=1e-3)


def test_without_a_folder_the_autoencoder_starts_from_the_seed():
    one, same, other = (start_vae(CONFIG, None, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["encoder.conv_in.weight"], other["encoder.conv_in.weight"])


# -- stage II ---------------------------------------------------------------------------------------------------------


def test_stage_two_trains_the_adapters_alone_and_gives_a_folder_a_sensor_that_fuses(root, vae, tmp_path):
    folder = stage_two(root, tmp_path, vae)
    assert folder == tmp_path / "salad-pan-sd15-gf2"
    stored, state = load_folder(folder)
    base = load_file(root / "sd15" / "unet" / "diffusion_pytorch_model.safetensors")
    assert torch.equal(state["unet.base_conv_in.weight"], base["conv_in.weight"].half())
    inner = load_file(vae / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(state[f"vae.{key}"], value.half()) for key, value in inner.items())
    # Silent crossings have begun to speak.
    assert state["unet.up_blocks.1.ctrl_to_base_spa.2.proj.weight"].any()

    card = stored.card
    assert card.architecture.config["network"]["scaling_factor"] == AutoencoderKL.load_config(vae)["scaling_factor"]
    assert card.architecture.config["use"]["maximum"] == 1023.0
    assert [(i.bands, i.range) for i in card.inputs] == [(1, "native"), (4, "native")]
    assert "research only" in card.licence
    table = {row.protocol.split(";")[0]: row.values for row in card.quality}
    assert set(table) == {"upsampled MS", "2 steps"}
    assert all(set(row) == {"Q2n", "SAM", "ERGAS", "images"} for row in table.values())
    assert table["2 steps"]["ERGAS"] > table["upsampled MS"]["ERGAS"] > 0

    other, rest = load_folder(tmp_path / "salad-pan-sd15-wv3")
    assert other.card.architecture.config["use"]["prompts"] == list(prompts(find_sensor("WV3")))
    assert all(torch.equal(rest[key], value) for key, value in state.items() if not key.startswith("text."))
    model = load(card.architecture.config, state, Runtime(steps=2))
    tile = {"pan": torch.rand(1, 1, 64, 64) * 1023, "ms": torch.rand(1, 4, 64, 64) * 1023}
    fused = model.predict(tile, Where(0, 0, ((0, 0),), {"pan": (1.0, 1.0), "ms": (1.0, 1.0)}))
    assert fused.shape == (1, 4, 64, 64)
    assert torch.isfinite(fused).all()

    # The parts, converted as published checkpoints are, give the same folder.
    adapters = {key.removeprefix("unet."): value for key, value in state.items() if key.startswith("unet.")}
    save_file({key: value for key, value in adapters.items() if not is_base(key)}, tmp_path / "adapters.safetensors")
    parts = Sources(root / "sd15", vae, tmp_path / "adapters.safetensors", text=root / "text.safetensors")
    converted = convert(replace(parts, sensor=find_sensor("GF2")), tmp_path / "converted")
    assert converted.card.architecture == card.architecture
    assert converted.card.spec == card.spec
    again = load_folder(converted.path)[1]
    assert again.keys() == state.keys()
    assert all(torch.equal(again[key], value) for key, value in state.items())

    longer = load_folder(stage_two(root, tmp_path, vae, 3))[1]
    checkpoint = torch.load(tmp_path / "adapters.pt", weights_only=True)
    assert checkpoint["step"] == 3
    assert not any(is_base(key.removeprefix("network.unet.")) for key in checkpoint["module"])
    whole = load_folder(stage_two(root, tmp_path / "whole", vae, 3))[1]
    assert all(torch.equal(whole[key], value) for key, value in longer.items())
    moved = {key for key, value in longer.items() if not torch.equal(value, state[key])}
    assert moved
    assert all(key.startswith("unet.") and not is_base(key.removeprefix("unet.")) for key in moved)


def network(**more: object) -> SaladPan:
    """A network whose crossings are no longer silent."""
    torch.manual_seed(0)
    made = SaladPan(replace(CONFIG, **more))
    with torch.no_grad():
        for value in made.unet.parameters():
            if not value.any():
                value.normal_(0.0, 0.1)
    return made


def batch(bands: int = 3, pairs: int = 2, side: int = 32) -> SensorBatch:
    generator = torch.Generator().manual_seed(3)
    pan, ms, target = (torch.rand(pairs, n, side, side, generator=generator) for n in (1, bands, bands))
    return SensorBatch(pan, ms, target, 4.0, 5, "x")


TEXT = {"x": torch.linspace(-1, 1, 3 * 5 * 8).reshape(3, 5, 8)}


def test_the_base_and_the_autoencoder_stay_as_they_are_and_every_adapter_is_told(root):
    stage = AdapterStage(network(region=2), TEXT, FusionWeights(), "shared")
    stage(batch()).backward()
    told = {name for name, value in stage.named_parameters() if value.grad is not None}
    assert told == {f"network.unet.{n}" for n, _ in stage.network.unet.named_parameters() if not is_base(n)}
    assert set(stage.state_dict()) == told
    assert any("cross_band" in name for name in told)
    spoilt = dict(list(stage.state_dict().items())[1:])
    with pytest.raises(RuntimeError, match="missing"):
        stage.load_state_dict(spoilt)


def test_at_published_size_the_adapters_alone_are_trained():
    stage = AdapterStage(outline(Config(scaling_factor=1.0)), {}, FusionWeights(), "shared")
    assert sum(value.numel() for value in stage.parameters() if value.requires_grad) == 165_739_056


def test_the_stages_loss_is_the_weighted_sum_of_its_terms():
    """Against the formulae: diffusion in numpy's order, one weight at a time."""
    made, given = network(), batch()
    total = {}
    for weights in (
        FusionWeights(),
        FusionWeights(1, 0, 0, 0, 0),
        FusionWeights(0, 1, 0, 0, 0),
        FusionWeights(0, 0, 1, 0, 0),
        FusionWeights(0, 0, 0, 1, 0),
        FusionWeights(0, 0, 0, 0, 1),
    ):
        with torch.no_grad():
            total[weights] = float(AdapterStage(made, TEXT, weights, "shared")(given))
    whole, *single = total.values()
    assert whole == pytest.approx(
        sum(w * x for w, x in zip((1, 0.475, 0.025, 0.5, 0.01), single, strict=True)), rel=1e-3
    )

    stage = AdapterStage(made, TEXT, FusionWeights(1, 0, 0, 0, 0), "shared")
    with torch.no_grad():
        generator = torch.Generator().manual_seed(given.seed)
        clean = made.vae.encode(2 * given.target.flatten(0, 1)[:, None] - 1).latent_dist.sample(generator)
        time, noise = draws(2, 3, clean.shape[1:], "shared", generator)
        betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
        a = torch.from_numpy(np.cumprod(1 - betas)[time.numpy()]).float()[:, None, None, None]
        noisy = a.sqrt() * clean + (1 - a).sqrt() * noise
        guess = (noisy - (1 - a).sqrt() * stage.denoise(noisy, time, given)) / a.sqrt()
    assert single[0] == pytest.approx(float((guess - clean).abs().mean()), rel=1e-3)


def test_bands_of_an_image_share_time_and_noise():
    time, noise = draws(3, 4, (4, 2, 2), "shared", torch.Generator().manual_seed(0))
    assert time.reshape(3, 4).eq(time.reshape(3, 4)[:, :1]).all()
    assert len(set(time.tolist())) == 3
    each = noise.reshape(3, 4, 4, 2, 2)
    assert each.eq(each[:, :1]).all()
    assert not torch.equal(each[0], each[1])
    single = draws(3, 4, (4, 2, 2), "band", torch.Generator().manual_seed(0))[1].reshape(3, 4, 4, 2, 2)
    assert not torch.equal(single[0, 0], single[0, 1])
    many = draws(4000, 1, (1,), "shared", torch.Generator().manual_seed(0))[0]
    assert 0 <= many.min() < 10
    assert 989 < many.max() < 1000
    assert float(many.float().mean()) == pytest.approx(499.5, abs=15)


# -- what is refused, and what ships --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data.pairs": []}, "no pairs are named"),
        ({"data.pairs": [{"sensor": "GF2", "pan": "pan.tif"}]}, "a pair names pan; name"),
        ({"data.pairs": [{"sensor": "GF2", "train": "$NOWHERE_SET/a.h5", "valid": "b.h5"}]}, "variable in this path"),
        ({"data.pairs": [{"sensor": "GF2", "train": "test_a.h5", "valid": "b.h5"}]}, "test set by its name"),
        ({"data.resolution": 40}, "set a multiple of 16"),
        ({"network": {"base": [16]}}, "network: branches have the levels of the base"),
        ({"vae.steps": 0}, "both stages have no steps"),
        ({"diffusion.steps": 1}, "needs the UNet"),
        ({"salad.scaling": "sometimes"}, "scaling cannot be 'sometimes'"),
        ({"salad.fusion": {"lpips": 1.0}}, "unknown setting 'lpips'"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_sentence(root, tmp_path, change, message):
    with pytest.raises(RequestError, match=message):
        stage_one(root, tmp_path, 1, **change)


def test_one_recipe_can_hold_both_stages(root, tmp_path):
    given = {"vae.steps": 1, "data.pairs": pairs(root, "gf2")}
    folder = stage_two(root, tmp_path, root / "sd15" / "vae", 1, **given)
    state = load_folder(folder)[1]
    trained = load_file(tmp_path / "vae" / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(state[f"vae.{key}"], value.half()) for key, value in trained.items())


def test_prompts_belong_to_the_sensors_bands(root):
    assert sentences(find_sensor("QB"), 4) == prompts(find_sensor("QB"))
    assert sentences(find_sensor("none"), 5) == ("",)
    with pytest.raises(RequestError, match="4 bands and WV3 has 8"):
        sentences(find_sensor("WV3"), 4)
    found = embedded({"GF2": prompts(find_sensor("GF2"))}, root / "text.safetensors", 8)
    assert set(found["GF2"]) == {"", *prompts(find_sensor("GF2"))}
    with pytest.raises(ModelError, match="no embedding of 4 prompt"):
        embedded({"QB": prompts(find_sensor("QB"))}, root / "text.safetensors", 8)


def test_an_autoencoder_of_three_channels_is_not_taken_for_a_trained_one(root, tmp_path):
    with pytest.raises(ModelError, match="channels"):
        stage_two(root, tmp_path, root / "sd15" / "vae")


@pytest.mark.parametrize("path", [VAE, ADAPTERS])
def test_the_shipped_recipes_are_of_published_size_and_name_no_machine(path):
    recipe = read_recipe(path)
    assert recipe.shape(1.0) == Config(scaling_factor=1.0)
    assert [entry.sensor for entry in recipe.data.pairs] == ["GF2", "QB", "WV3"]
    named = [name for entry in recipe.data.pairs for name in (entry.train, entry.valid)]
    named += [recipe.salad.base, recipe.salad.vae]
    assert all(name.startswith("$") for name in named if name)
    assert recipe.salad.reconstruction == type(recipe.salad.reconstruction)()
    assert recipe.salad.fusion == FusionWeights()
