"""Released decoders: parameters, keys, and what becomes of their files."""

from __future__ import annotations

import types

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from seamline.cli.group import cli
from seamline.engine.errors import ModelError, RequestError
from seamline.models.counts import count
from seamline.models.satdifuser.checkpoint import read_released
from seamline.models.satdifuser.fusers.build import build_fuser
from seamline.models.satdifuser.fusers.config import FuserConfig
from seamline.models.satdifuser.heads import Linear
from seamline.models.satdifuser.layout import Layout, Scale
from seamline.models.satdifuser.published.config import LAYOUT
from seamline.models.satdifuser.upernet import UPerConfig, UPerNet

SMALL = Layout((47, 45, 40), (Scale(8, (5, 5)), Scale(16, (6,))))
KINDS = ("global", "local", "experts")


def decoder(kind, head, layout=SMALL, **changes):
    torch.manual_seed(0)
    fuser = build_fuser(layout, FuserConfig(kind, as_released=True, **changes))
    width = fuser.config.width
    built = Linear(width, head) if isinstance(head, int) else UPerNet(width, len(layout.scales), head)
    return fuser, built


def state_of(kind, head):
    fuser, built = decoder(kind, head, width=64, bottleneck=32, experts=3)
    return {**fuser.state_dict(), **built.state_dict()}


@pytest.mark.parametrize(
    ("kind", "name", "linear", "linear_keys", "upernet", "upernet_keys"),
    [
        ("global", "satdifuser-gw", 10_854_601, 255, 39_970_758, 339),
        ("local", "satdifuser-lw", 10_878_793, 262, 39_994_950, 346),
        ("experts", "satdifuser-moe", 71_498_542, 398, 100_614_699, 482),
    ],
)
def test_parameters_and_keys_are_those_of_the_released_decoders(kind, name, linear, linear_keys, upernet, upernet_keys):
    assert count(name) == linear
    found = CliRunner().invoke(cli, ["models", "count", name])
    assert (found.exit_code, found.stdout.strip()) == (0, str(linear))
    for head, parameters, keys in ((10, linear, linear_keys), (UPerConfig(7), upernet, upernet_keys)):
        with torch.device("meta"):
            parts = decoder(kind, head, LAYOUT)
        assert sum(p.numel() for part in parts for p in part.parameters()) == parameters
        assert sum(len(part.state_dict()) for part in parts) == keys


@pytest.mark.parametrize("head", [5, UPerConfig(4, 8), UPerConfig(4, 8, (1, 2, 3))])
@pytest.mark.parametrize("kind", KINDS)
def test_the_shape_of_a_decoder_is_read_off_its_keys(kind, head, tmp_path):
    state = state_of(kind, head)
    file = tmp_path / "best_ckpt_step_8.pth"
    torch.save({"epoch": 3, "global_step": 8, "decoder_net": {f"module.{k}": v for k, v in state.items()}}, file)
    found = read_released(file, SMALL)
    assert (found.fuser.kind, found.fuser.width, found.fuser.bottleneck) == (kind, 64, 32)
    assert found.head == head
    assert found.classes == (5 if head == 5 else 4)
    fuser = build_fuser(SMALL, found.fuser)
    fuser.load_state_dict(found.fuser_state)
    if kind == "experts":
        assert found.fuser.experts == 3
        assert not fuser.warm
    assert found.fuser.as_released == (kind == "local")
    assert {**found.fuser_state, **found.head_state}.keys() - state.keys() == (
        {"batches"} if kind == "experts" else set()
    )


def test_the_bare_decoder_is_read_alike(tmp_path):
    state = state_of("global", 5)
    save_file(state, tmp_path / "decoder.safetensors")
    torch.save(state, tmp_path / "decoder.pth")
    one, two = (read_released(tmp_path / f"decoder.{end}", SMALL) for end in ("safetensors", "pth"))
    assert one.fuser == two.fuser
    assert all(torch.equal(value, two.fuser_state[key]) for key, value in one.fuser_state.items())


def test_pickled_settings_are_refused_in_a_sentence_that_says_what_to_save(tmp_path):
    file = tmp_path / "best_ckpt_step_8.pth"
    torch.save({"config": types.SimpleNamespace(lr=0.01), "decoder_net": state_of("global", 5)}, file)
    with pytest.raises(ModelError, match="could run code") as found:
        read_released(file, SMALL)
    assert "'decoder_net' alone" in found.value.fix


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: s.pop("mixing_weights"), "0 kinds of fuser"),
        (lambda s: s.update(mixing_weights=torch.ones(7)), "mixing_weights of another shape"),
        (lambda s: s.pop("bottleneck_layers.1.0.conv2.weight"), "conv2.weight missing"),
        (lambda s: s.update({"neck.weight": torch.ones(1)}), "neck.weight unexpected"),
        (lambda s: s.pop("decoder_head.2.weight"), "no keys of a released fuser and head"),
        (lambda s: s.update({"scale_moes.0.temperature": torch.ones(())}), "2 kinds of fuser"),
    ],
)
def test_keys_that_are_not_those_of_a_decoder_are_named(change, match, tmp_path):
    state = state_of("global", 5)
    change(state)
    file = tmp_path / "decoder.safetensors"
    save_file(state, file)
    with pytest.raises(ModelError, match=match):
        read_released(file, SMALL)
    with pytest.raises(RequestError, match="no such file"):
        read_released(tmp_path / "other.pth", SMALL)
