"""The three stages: what each loss is made of, what each trains, and what each stores."""

from __future__ import annotations

import copy

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from seamline.models.slimdiffsr.config import Config
from seamline.models.slimdiffsr.network import SlimDiffSR
from seamline.models.slimdiffsr.teacher.lora import Ranks
from seamline.models.slimdiffsr.teacher.noise_level import NoiseLevelPredictor, total_variation
from seamline.models.slimdiffsr.teacher.stable import StableBackbone
from seamline.models.slimdiffsr.teacher.teacher import OneStepTeacher
from seamline.models.slimdiffsr.teacher.terra import TerraBackbone
from seamline.models.slimdiffsr.teacher.uncertainty import UncertaintyEstimator, uncertainty_loss
from seamline.models.terra_ldm.network import Config as BaseConfig
from seamline.models.terra_ldm.network import TerraLdmTiny
from seamline.tests.bounds import assert_same_but_rounding
from seamline.training.distill.discriminator import PatchCritic, critic_loss, generator_loss
from seamline.training.distill.features import FeatureDistillation
from seamline.training.distill.perceptual import BaseFeatures
from seamline.training.distill.restoration import Restoration, Weights
from seamline.training.distill.stages import EstimatorStage, Pair, StudentStage, TeacherStage, student_widths

STUDENT = Config(channels=(8, 16, 16), groups=4, queries=4, squeeze=8, codec_width=8, codec_blocks=(1, 1, 1))


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def batch(seed: int = 0) -> Pair:
    high = nn.functional.interpolate(noise(1, 3, 16, 16, seed=seed), scale_factor=2.0).tanh()
    low = nn.functional.interpolate(nn.functional.avg_pool2d(high, 4), scale_factor=4.0, mode="bicubic")
    nothing = torch.full((3,), torch.nan)
    return Pair(low, high, nothing, nothing, torch.zeros(3, dtype=torch.long), seed)


def base() -> TerraLdmTiny:
    torch.manual_seed(0)
    network = TerraLdmTiny(BaseConfig(8, 2, (16, 24), 16))
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network


def teacher() -> OneStepTeacher:
    backbone = TerraBackbone(base())
    backbone.adapt(Ranks(4, 2), torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    estimator = UncertaintyEstimator(16, width=8, depth=2)
    return OneStepTeacher(backbone, estimator, NoiseLevelPredictor(16, width=8, depth=1))


def restoration() -> Restoration:
    torch.manual_seed(2)
    return Restoration(BaseFeatures(base()), PatchCritic(3, width=8, depth=2))


def student_stage(**given: object) -> StudentStage:
    torch.manual_seed(3)
    network = teacher()
    distillation = FeatureDistillation(student_widths(STUDENT), network.widths(3), samples=32)
    arguments = {"distillation": distillation, **given}
    return StudentStage(SlimDiffSR(STUDENT), network, restoration(), **arguments)


STAGES = {
    "estimator": lambda: EstimatorStage(teacher()),
    "teacher": lambda: TeacherStage(teacher(), restoration()),
    "held": lambda: TeacherStage(teacher(), restoration(), hold=True),
    "student": student_stage,
}


def test_the_published_weights():
    assert Weights() == Weights(2.5, 0.25)


def test_restoration_is_the_sum_of_its_terms():
    loss = restoration()
    found, truth = noise(1, 3, 32, 32), noise(1, 3, 32, 32, seed=1)
    critic = copy.deepcopy(loss.critic)
    looks = loss.perceptual(found, truth)
    # The critic's spectral norms take one step of their iteration at every pass in training.
    judgement = generator_loss(copy.deepcopy(critic)(found))
    own = critic_loss(critic(truth), critic(found))
    wanted = (found - truth).abs().mean() + 2.5 * looks + 0.25 * judgement + own
    assert float(loss(found, truth)) == pytest.approx(float(wanted), rel=1e-3)
    plain = Restoration(loss.perceptual, None)
    assert float(plain(found, truth)) == pytest.approx(float((found - truth).abs().mean() + 2.5 * looks), rel=1e-3)


def test_neither_side_of_the_game_trains_the_other():
    loss = restoration()
    critic, untouched = copy.deepcopy(loss.critic), copy.deepcopy(loss.critic)
    found, truth = noise(1, 3, 32, 32).requires_grad_(), noise(1, 3, 32, 32, seed=1)
    loss(found, truth).backward()
    critic_loss(critic(truth), critic(found.detach())).backward()
    for one, two in zip(loss.critic.parameters(), critic.parameters(), strict=True):
        assert_same_but_rounding(one.grad, two.grad)
    alone = noise(1, 3, 32, 32).requires_grad_()
    wanted = (alone - truth).abs().mean() + 2.5 * loss.perceptual(alone, truth)
    wanted = wanted + 0.25 * generator_loss(untouched(alone))
    wanted.backward()
    assert_same_but_rounding(found.grad, alone.grad)


def test_the_estimators_stage_is_equation_5():
    stage, pair = STAGES["estimator"](), batch()
    network = stage.teacher
    wanted = uncertainty_loss(network.estimator(network.encode(pair.low)), network.encode(pair.high))
    assert torch.equal(stage(pair), wanted)


def test_the_teachers_stage_sees_the_truth_and_adds_the_total_variation():
    pair, rough = batch(), TeacherStage(teacher(), restoration(), smoothness=10.0)
    plain = TeacherStage(teacher(), restoration(), smoothness=0.0)
    level = rough.teacher(pair.low, pair.given, pair.high).level
    assert float(rough(pair) - plain(pair)) == pytest.approx(10 * float(total_variation(level)), rel=1e-3, abs=1e-5)
    plain.teacher.levels.forward = lambda shown, _: (seen.append(shown), torch.full_like(shown[:, :1], 0.5))[1]
    seen: list[torch.Tensor] = []
    plain(pair)
    assert torch.equal(seen[0], plain.teacher.encode(pair.high))


TRAINED = {
    "estimator": {"teacher.estimator"},
    "teacher": {"teacher.levels", "teacher.backbone", "restoration.critic"},
    "held": {"teacher.backbone", "restoration.critic"},
    "student": {"student.vae", "student.unet", "student.merge_conv1", "student.merge_conv2"}
    | {"distillation.adapters", "restoration.critic"},
}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_trains_its_part_and_nothing_else(name):
    stage = STAGES[name]()
    before = {key: value.clone() for key, value in stage.named_parameters()}
    optimiser = torch.optim.Adam([p for p in stage.parameters() if p.requires_grad], 1e-2)
    for step in range(3):
        loss = stage(batch(step))
        assert loss.shape == ()
        assert bool(torch.isfinite(loss))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    moved = {key for key, value in stage.named_parameters() if not torch.equal(value, before[key])}
    assert {".".join(key.split(".")[:2]) for key in moved} == TRAINED[name]
    if name in ("teacher", "held"):
        assert all(".lora_" in key for key in moved if key.startswith("teacher.backbone"))


@pytest.mark.parametrize("name", STAGES)
def test_a_checkpoint_holds_what_moves_and_brings_it_back(name):
    one, two = STAGES[name](), STAGES[name]()
    for parameter in one.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.05)
    state = one.state_dict()
    trained = {key for key, value in one.named_parameters() if value.requires_grad}
    assert trained <= set(state)
    assert not any(key.startswith(("teacher.backbone.vae", "restoration.perceptual")) for key in state)
    one.eval()
    two.eval()
    assert not torch.equal(one(batch()), two(batch()))
    two.load_state_dict(state)
    assert torch.equal(one(batch()), two(batch()))
    with pytest.raises(RuntimeError, match="missing"):
        two.load_state_dict(dict(list(state.items())[1:]))


@pytest.mark.parametrize("name", STAGES)
def test_losses_stay_in_float32_under_autocast(name):
    stage = STAGES[name]().eval()
    with torch.no_grad():
        wanted = stage(batch())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = stage(batch())
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(float(wanted), rel=0.1)


def test_the_ablations_leave_their_term_out():
    pair = batch()
    with torch.no_grad():
        full, plain, none = (
            student_stage(**given).eval()(pair) for given in ({}, {"mmd": 0.0}, {"distillation": None})
        )
    assert float(full) > float(plain) > float(none)


def test_the_published_student_and_stable_diffusion_have_layers_of_the_same_width():
    with torch.device("meta"):
        unet = UNet2DConditionModel(block_out_channels=(320, 640, 1280, 1280), layers_per_block=1)
    backbone = StableBackbone(unet, AutoencoderKL(), {}, torch.zeros(1, 77, 1280))
    assert backbone.widths == student_widths(Config())


def test_a_step_is_a_function_of_its_batch():
    with torch.no_grad():
        one, two = (student_stage().eval()(batch(5)) for _ in range(2))
    assert torch.equal(one, two)


def test_training_the_teacher_helps_it():
    stage = TeacherStage(teacher(), Restoration(BaseFeatures(base()), None))
    optimiser = torch.optim.AdamW([p for p in stage.parameters() if p.requires_grad], 5e-3)
    pair = batch()
    with torch.no_grad():
        before = float(stage(pair))
    for _ in range(25):
        optimiser.zero_grad()
        loss = stage(pair)
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.85 * before
