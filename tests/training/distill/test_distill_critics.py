"""Critics: what they see, what moves when they judge, and DINO's transformer under its published names."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from seamline.engine.errors import ModelError
from seamline.tests.bounds import assert_same_but_rounding
from seamline.training.distill.dino import Dino, Shape, load_dino
from seamline.training.distill.discriminator import DinoCritic, PatchCritic, critic_loss, generator_loss, judged

SMALL = Shape(patch=8, width=24, depth=4, heads=3, side=4)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def dino(shape: Shape = SMALL) -> Dino:
    torch.manual_seed(0)
    network = Dino(shape)
    nn.init.normal_(network.pos_embed, std=0.5)
    nn.init.normal_(network.cls_token, std=0.5)
    return network


def critics() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {"patch": PatchCritic(3, width=8), "dino": DinoCritic(dino(), (1, 3), width=8)}


@pytest.mark.parametrize(("name", "shape"), [("patch", (2, 1, 4, 4)), ("dino", (2, 2, 4, 4))])
def test_every_patch_is_judged(name, shape):
    critic = critics()[name].eval()
    image = noise(2, 3, 32, 32)
    assert critic(image).shape == shape
    other = image.clone()
    other[..., 24:, 24:] += 1
    assert not torch.equal(critic(image)[..., 3, 3], critic(other)[..., 3, 3])


def test_patches_far_apart_do_not_meet():
    critic = critics()["patch"].eval()
    one, two = noise(1, 3, 128, 128), noise(1, 3, 128, 128)
    two[..., 96:, :] += 1
    assert torch.equal(critic(one)[..., :8, :], critic(two)[..., :8, :])


def test_weights_are_spectrally_normed():
    critic = critics()["patch"]
    for _ in range(30):
        critic(noise(1, 3, 32, 32))
    critic.eval()
    for layer in critic.layers:
        if isinstance(layer, nn.Conv2d):
            assert float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("name", ["patch", "dino"])
def test_judging_moves_nothing_of_the_critic(name):
    critic = critics()[name]
    before = {key: value.clone() for key, value in critic.state_dict().items()}
    image = noise(1, 3, 32, 32).requires_grad_()
    generator_loss(judged(critic, image)).backward()
    assert bool(image.grad.any())
    assert all(parameter.grad is None for parameter in critic.parameters())
    assert all(torch.equal(value, before[key]) for key, value in critic.state_dict().items())
    critic.eval()
    with torch.no_grad():
        assert_same_but_rounding(judged(critic, image), critic(image))


def test_a_critic_learns_to_tell():
    critic = critics()["patch"]
    optimiser = torch.optim.Adam(critic.parameters(), 1e-2)
    values = []
    for step in range(30):
        real, fake = noise(4, 3, 32, 32, seed=2 * step), 0.3 * noise(4, 3, 32, 32, seed=2 * step + 1)
        loss = critic_loss(critic(real), critic(fake))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(float(loss.detach()))
    assert values[-1] < 0.5 * values[0]


def test_hinges_by_hand():
    real, fake = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-2.0, 0.5, 0.0])
    assert float(critic_loss(real, fake)) == pytest.approx((0 + 0.5 + 2) / 3 + (0 + 1.5 + 1) / 3)
    assert float(generator_loss(fake)) == pytest.approx(0.5)
    assert critic_loss(real.bfloat16(), fake.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize(("patch", "side", "count"), [(16, 14, 21_665_664), (8, 28, 21_670_272)])
def test_the_published_widths(patch, side, count):
    with torch.device("meta"):
        network = Dino(Shape(patch=patch, side=side))
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_the_published_keys():
    parts = ["norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"]
    names = ["patch_embed.proj", "norm", *(f"blocks.{k}.{part}" for k in range(12) for part in parts)]
    with torch.device("meta"):
        keys = set(Dino(Shape()).state_dict())
    assert keys == {"cls_token", "pos_embed", *(f"{name}.{kind}" for name in names for kind in ("weight", "bias"))}


def test_a_block_is_torchs_attention():
    block = dino().blocks[0]
    reference = nn.MultiheadAttention(24, 3, batch_first=True)
    reference.load_state_dict(
        {
            "in_proj_weight": block.attn.qkv.weight,
            "in_proj_bias": block.attn.qkv.bias,
            "out_proj.weight": block.attn.proj.weight,
            "out_proj.bias": block.attn.proj.bias,
        }
    )
    x = noise(2, 17, 24)
    wanted = x + reference(*[block.norm1(x)] * 3)[0]
    wanted = wanted + block.mlp.fc2(nn.functional.gelu(block.mlp.fc1(block.norm2(wanted))))
    assert_same_but_rounding(block(x), wanted)


def test_maps_are_laid_out_as_the_image_and_positions_fit_other_sizes():
    network = dino()
    image = noise(1, 3, 32, 32)
    first, last = network(image, (0, 3))
    assert first.shape == last.shape == (1, 24, 4, 4)
    nn.init.zeros_(network.pos_embed)
    for block in network.blocks:
        nn.init.zeros_(block.attn.proj.weight)
    other = image.clone()
    other[..., 8:16, 24:] += 1
    changed = (network(image, (3,))[0] != network(other, (3,))[0]).any(dim=1)[0]
    assert changed.nonzero().tolist() == [[1, 3]]
    network = dino()
    assert torch.equal(network.positions(4, 4), network.pos_embed)
    wide = network.positions(4, 8)
    assert wide.shape == (1, 33, 24)
    means = wide[:, 1:].reshape(4, 4, 2, 24).mean(dim=2)
    assert float((means - network.pos_embed[0, 1:].reshape(4, 4, 24)).detach().abs().mean()) < 0.1


def test_weights_are_read_and_held_to_the_network(tmp_path):
    network = dino()
    save_file(network.state_dict(), tmp_path / "dino.safetensors")
    loaded = load_dino(tmp_path / "dino.safetensors", SMALL)
    image = noise(1, 3, 32, 32)
    assert torch.equal(loaded(image, (3,))[0], network(image, (3,))[0])
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    with pytest.raises(ModelError, match=r"blocks\.4"):
        load_dino(tmp_path / "dino.safetensors", Shape(patch=8, width=24, depth=5, heads=3, side=4))


def test_only_the_heads_of_dinos_critic_learn():
    critic = critics()["dino"]
    critic_loss(critic(noise(1, 3, 32, 32)), critic(noise(1, 3, 32, 32, seed=1))).backward()
    learning = {key.split(".")[0] for key, value in critic.named_parameters() if value.grad is not None}
    assert learning == {"heads"}
