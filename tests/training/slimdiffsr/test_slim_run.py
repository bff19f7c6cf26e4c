"""Super-resolution by a recipe: pairs that tiles will look like, and a run that resumes and ends in a model folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seamline.engine.contract import Runtime, Where
from seamline.engine.errors import Cancelled, RequestError
from seamline.models.folder import Architecture, Card, Input, load_folder, read_card, write_folder
from seamline.models.registry import resolve
from seamline.models.slimdiffsr.config import Config
from seamline.models.slimdiffsr.network import SlimDiffSR
from seamline.models.slimdiffsr.teacher.noise_level import NoiseLevelPredictor
from seamline.models.slimdiffsr.teacher.teacher import OneStepTeacher
from seamline.models.slimdiffsr.teacher.terra import TerraBackbone
from seamline.models.slimdiffsr.teacher.uncertainty import UncertaintyEstimator
from seamline.models.slimdiffsr.tile import ARCHITECTURE, SlimTile, Use
from seamline.models.terra_ldm.network import Config as BaseConfig
from seamline.models.terra_ldm.network import TerraLdmTiny
from seamline.tests.bounds import assert_same_but_rounding
from seamline.training.data.sources import Source
from seamline.training.degradation.mixed import Mixed
from seamline.training.degradation.settings import DegradationSettings, SensorSettings
from seamline.training.deviations import ONE_SIGMA
from seamline.training.distill.stages import DeviationStage, Pair
from seamline.training.reading import read_recipe
from seamline.training.run import train
from seamline.training.settings import SourceSettings
from seamline.training.slimdiffsr.data import SlimPatches, as_seen
from seamline.training.slimdiffsr.recipe import ImageSettings
from seamline.training.slimdiffsr.validate import image_scores

RECIPE = Path(__file__).parents[3] / "training" / "recipes" / "slimdiffsr_taught_x4.yaml"
SMALL = {
    "network": {
        "channels": [16, 16, 16],
        "groups": 4,
        "queries": 4,
        "squeeze": 8,
        "codec": "shuffle",
        "codec_blocks": [1] * 3,
    },
    "data": {
        "patch": 32,
        "images": 2,
        "held_out": 1,
        "held_out_patch": 32,
        "sources": [{"dataset": "procedural", "scenes": 1}],
    },
    "slim.plain": {"steps": 1, "warmup": 1},
    "slim.student": {"steps": 2, "warmup": 1},
    "slim.detail": {"steps": 0},
    "slim.deviation": {"steps": 0},
    "slim.critic_width": 4,
    "precision": "no",
}
STAGES = {f"slim.{name}": {"steps": 1, "warmup": 1} for name in ("estimator", "adapters", "teacher")}
PLAIN: dict = {f"slim.{name}": {"steps": 0} for name in ("estimator", "adapters", "teacher")}


PAGE = Path(__file__).parents[3] / "docs" / "training" / "train-slimdiffsr.md"
ABLATIONS = {
    name.strip(): dict(re.findall(r"--set ([\w.]+)=(\S+?)(?=`|\s)", sets))
    for name, sets in re.findall(r"^\| ([^|]+) \| (`--set [^|]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
}


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> str:
    """A tiny untrained base model's folder."""
    config = BaseConfig(forecast=4, depth=1, unet=(16, 24), embedding=8)
    network = TerraLdmTiny(config)
    values = {"forecast": 4, "depth": 1, "unet": [16, 24], "embedding": 8}
    card = Card(
        name="base",
        version="1",
        task="superres",
        architecture=Architecture(name="terra_ldm_tiny", config=values),
        inputs=(Input(name="image", range="unit"),),
        main="image",
        licence="x",
        training_data="x",
        citation="x",
    )
    folder = tmp_path_factory.mktemp("base") / "base"
    write_folder(folder, card, network.state_dict())
    return str(folder)


def settings(base: str, out: Path, **more) -> dict:
    return SMALL | STAGES | {"slim.base": base, "output": str(out)} | more


def patches(bands: int, source_bands: int = 4, share: float = 1.0) -> SlimPatches:
    image = np.random.default_rng(0).integers(1, 255, (source_bands, 80, 80)).astype(np.uint8)
    source = Source(
        SourceSettings("x"), (image,), (np.ones((80, 80), np.bool_),), (np.full(source_bands, 200.0, np.float32),)
    )
    degradation = Mixed(
        DegradationSettings(share, sensor=SensorSettings(electrons=(1e9, 1e9), read=(1e-9, 1e-9), bits=0))
    )
    return SlimPatches([source], ImageSettings((source.settings,), patch=32, images=3), degradation, 4, bands, 7)


@pytest.mark.parametrize("source_bands", [1, 3, 5])
def test_batches_follow_from_their_number_and_have_the_students_bands(source_bands):
    stream = patches(3, source_bands)
    stream(0)
    batch, again = stream(5), patches(3, source_bands)(5)
    assert batch.low.shape == batch.high.shape == (3, 3, 32, 32)
    assert torch.equal(batch.low, again.low)
    assert torch.equal(batch.high, again.high)
    assert len(batch.wavelength) == len(batch.kind) == 9
    assert not torch.equal(batch.high, stream(6).high)


def test_images_of_fewer_bands_repeat_their_last_one_as_tiles_do():
    stream = patches(4, 4)
    shown = set()
    for number in range(12):
        for image in stream(number).high:
            repeats = [bool(torch.equal(image[k], image[k + 1])) for k in range(3)]
            # Once a band is repeated, all that follow are the same.
            assert repeats == sorted(repeats)
            shown.add(4 - sum(repeats))
    assert shown == {1, 2, 3, 4}


def test_what_is_taught_is_what_a_tile_needs():
    """A student that returns what it was taught, put in a tile model, gives the sharp image, bright pixels included."""
    sharp = torch.rand(1, 3, 32, 32) * 1.3
    coarse = F.avg_pool2d(sharp, 4)
    coarse[..., 2, 3] = 1.4
    low, high = as_seen(coarse, sharp)
    assert low.min() >= -1.0
    assert low.max() <= 1.0

    class Taught(torch.nn.Module):
        config = type("Config", (), {"image": 3})

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            assert_same_but_rounding(image, low)
            return high

    tile = SlimTile(Taught(), Use(4, 8, colour="none"))
    where = Where(0, 0, ((0, 0),), {"image": (1.0, 1.0)})
    assert_same_but_rounding(tile.predict({"image": coarse}, where), sharp)


def test_scores_know_the_truth_noise_and_blur():
    sharp = patches(3)(0).high
    truth = image_scores([sharp], [sharp])
    assert truth["PSNR"] > 100.0
    assert truth["gradient error"] == truth["spectrum error"] == 0.0
    blurred = image_scores([F.avg_pool2d(sharp, 3, 1, 1)], [sharp])
    assert blurred["spectrum error"] > 1.0
    assert 0.3 < blurred["gradient error"] < 1.0
    off = image_scores([sharp + 0.2], [sharp])
    assert off["PSNR"] == pytest.approx(20.0, abs=1e-3)


def test_all_stages_end_in_a_model_that_runs(base, tmp_path):
    folder = train(RECIPE, settings(base, tmp_path))
    card = read_card(folder).card
    assert (card.scale, card.architecture.name, card.consistency) == (4, ARCHITECTURE, "area")
    assert "teacher on terra-ldm-tiny" in card.citation
    assert "patch critic" in card.citation
    assert {"PSNR", "PSNR, upsampled", "gradient error", "spectrum error"} <= set(card.quality[0].values)
    model = resolve(str(folder), "superres").load(Runtime())
    where = Where(0, 0, ((0, 0),), {"image": (1.0, 1.0)})
    assert model.predict({"image": torch.rand(1, 5, 8, 8)}, where).shape == (1, 5, 32, 32)
    assert {"estimator.json", "adapters.json", "teacher.json", "student.json"} <= {p.name for p in tmp_path.iterdir()}
    assert json.loads((tmp_path / "teacher.json").read_text())["step"] == 1


def test_the_page_names_every_ablation():
    assert len(ABLATIONS) == 10
    assert all(ABLATIONS.values())


@pytest.fixture(scope="module")
def published(base, tmp_path_factory) -> bytes:
    """Weights of a run without any ablation."""
    return (train(RECIPE, settings(base, tmp_path_factory.mktemp("published"))) / "model.safetensors").read_bytes()


@pytest.mark.parametrize("name", list(ABLATIONS))
def test_the_ablations_of_the_page_run_and_differ_from_what_is_published(base, published, tmp_path, name):
    folder = train(RECIPE, settings(base, tmp_path, **ABLATIONS[name]))
    model = resolve(str(folder), "superres").load(Runtime())
    where = Where(0, 0, ((0, 0),), {"image": (1.0, 1.0)})
    assert torch.isfinite(model.predict({"image": torch.rand(1, 3, 8, 8)}, where)).all()
    assert (folder / "model.safetensors").read_bytes() != published


def test_a_plain_network_needs_no_teacher_and_says_so(base, tmp_path):
    plain = PLAIN | {"slim.plain": {"steps": 2, "warmup": 1}, "slim.student.steps": 0}
    folder = train(RECIPE, settings(base, tmp_path, **plain))
    assert read_card(folder).card.citation.endswith("Trained with L1.")
    assert not (tmp_path / "teacher.pt").exists()


def test_a_cancelled_run_goes_on_and_ends_as_an_uninterrupted_one(base, tmp_path):
    calls = iter(range(100))

    def stop() -> None:
        if next(calls) == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(RECIPE, settings(base, tmp_path / "a"), stop)
    broken = train(RECIPE, settings(base, tmp_path / "a"))
    whole = train(RECIPE, settings(base, tmp_path / "b"))
    assert (broken / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_the_head_for_deviations_is_trained_last_and_calibrated(base, tmp_path):
    head = {"network": SMALL["network"] | {"deviation": True}, "slim.deviation": {"steps": 3, "warmup": 1}}
    folder = train(RECIPE, settings(base, tmp_path / "told", **head))
    card = read_card(folder).card
    assert [each.name for each in card.outputs] == ["image", "uncertainty", "queries"]
    # As stored, in 16 bits.
    assert card.quality[0].values["coverage of one standard deviation"] == pytest.approx(ONE_SIGMA, abs=0.03)
    without = train(RECIPE, settings(base, tmp_path / "mute", **head | {"slim.deviation": {"steps": 0}}))
    first, second = (load_folder(str(each))[1] for each in (folder, without))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first if not key.startswith("deviation."))
    assert not torch.equal(first["deviation.leave.weight"], second["deviation.leave.weight"])


def test_deviations_need_a_head(base, tmp_path):
    with pytest.raises(RequestError, match="no head for deviations"):
        train(RECIPE, settings(base, tmp_path, **{"slim.deviation": {"steps": 1}}))


def test_the_teachers_uncertainty_reaches_the_head():
    """Its estimator pulls at the head beside the errors, and the weights of latents are learned along."""
    torch.manual_seed(0)
    config = Config(
        channels=(16,) * 3,
        groups=4,
        queries=4,
        squeeze=8,
        image=1,
        codec="shuffle",
        codec_blocks=(1, 1, 1),
        deviation=True,
    )
    student = SlimDiffSR(config)
    backbone = TerraBackbone(TerraLdmTiny(BaseConfig(forecast=4, depth=1, unet=(16, 24), embedding=8)))
    teacher = OneStepTeacher(backbone, UncertaintyEstimator(backbone.latent), NoiseLevelPredictor(backbone.latent))
    low = torch.rand(2, 1, 32, 32) * 2 - 1
    batch = Pair(
        low, low + 0.1 * torch.randn_like(low), *(torch.full((2,), float("nan")),) * 2, torch.zeros(2).long(), 0
    )
    stage = DeviationStage(student, teacher)
    moved = {name for name, value in stage.named_parameters() if value.requires_grad}
    assert moved == {
        "weights",
        *(f"student.deviation.{part}" for part in ("enter.weight", "enter.bias", "leave.weight", "leave.bias")),
    }
    DeviationStage(student, None)(batch).backward()
    untaught = student.deviation.leave.bias.grad.clone()
    student.zero_grad()
    stage(batch).backward()
    # The head is drawn elsewhere than its own errors draw it.
    assert not torch.allclose(student.deviation.leave.bias.grad, untaught, rtol=1e-3, atol=1e-6)
    assert stage.weights.grad is not None
    assert stage.weights.grad.abs().sum() > 0


def test_weights_can_be_gone_on_from(base, tmp_path):
    first = train(RECIPE, settings(base, tmp_path / "a"))
    frozen = PLAIN | {"init": str(first), "slim.student": {"steps": 0}, "slim.plain": {"steps": 0}}
    again = train(RECIPE, settings(base, tmp_path / "b", **frozen))
    assert (first / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()


def test_a_student_that_cannot_be_built_is_refused(base, tmp_path):
    with pytest.raises(RequestError, match="network: the channels of every level"):
        train(RECIPE, settings(base, tmp_path, network={"channels": [15, 16, 16]}))


def test_the_shipped_recipe_is_small_and_names_no_share_alike_source():
    recipe = read_recipe(RECIPE)
    names = [(source.dataset, source.excludes) for source in recipe.data.sources]
    assert all(name != "planet" for name, _ in names)
    assert ("hr_rgb", ("copr", "vegas")) in names
    assert recipe.slim.teacher.steps > 0
    assert recipe.slim.student.steps > 0


def test_a_student_can_be_blended_back(base, tmp_path):
    more = {"slim.student": {"steps": 2, "warmup": 1}}
    plain, whole, half = (
        load_folder(str(train(RECIPE, settings(base, tmp_path / name, **more | {"slim.blend": (share, 1.0)}))))[1]
        for name, share in (("plain", 0.0), ("whole", 1.0), ("half", 0.5))
    )
    key = "merge_conv1.weight"
    assert not torch.equal(plain[key], whole[key])
    torch.testing.assert_close(half[key].float(), (plain[key].float() + whole[key].float()) / 2, atol=1e-3, rtol=1e-3)
