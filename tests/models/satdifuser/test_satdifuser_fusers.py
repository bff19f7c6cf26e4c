"""Fusers and heads: sizes, reach, warm-up, balance, parameters."""

from __future__ import annotations

import math

import pytest
import torch

from seamline.models.satdifuser.fusers.build import build_fuser
from seamline.models.satdifuser.fusers.config import FuserConfig
from seamline.models.satdifuser.fusers.experts import unevenness
from seamline.models.satdifuser.heads import Linear
from seamline.models.satdifuser.layout import Layout, Scale
from seamline.models.satdifuser.reach import margin
from seamline.models.satdifuser.upernet import UPerConfig, UPerNet
from seamline.tests.bounds import assert_same_but_rounding

LAYOUT = Layout((3, 1), (Scale(2, (5, 4)), Scale(4, (6,)), Scale(8, (4, 3, 2))))
KINDS = ("global", "local", "experts")
EXACT = {"width": 8, "bottleneck": 4, "experts": 3, "window": 3}


def built(kind="experts", seed=0, layout=LAYOUT, **changes):
    torch.manual_seed(seed)
    settings = {**EXACT, "norm": "pixel", **changes}
    fuser = build_fuser(layout, FuserConfig(kind, **settings))
    if kind == "global":
        torch.nn.init.normal_(fuser.mixing_weights)
    return fuser.eval()


def features(sizes, seed=1, layout=LAYOUT, images=2):
    generator = torch.Generator().manual_seed(seed)
    return [
        [torch.randn(images, s.width, *size, generator=generator) for s, size in zip(layout.scales, sizes, strict=True)]
        for _ in layout.times
    ]


def settled(head, seed=2):
    """Running statistics of a network in use, which are not those of a new one."""
    generator = torch.Generator().manual_seed(seed)
    for module in head.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
    return head.eval()


# Sizes.


@pytest.mark.parametrize("norm", ["group", "pixel", "batch"])
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_any_size_will_do_and_need_not_halve(kind, norm):
    sizes = [(13, 9), (7, 5), (3, 2)]
    fuser = built(kind, norm=norm, groups=2)
    maps = fuser(features(sizes))
    assert [tuple(x.shape) for x in maps] == [(2, 8, *size) for size in sizes]
    assert UPerNet(8, 3, UPerConfig(5, 4)).eval()(maps, (26, 17)).shape == (2, 5, 26, 17)
    assert Linear(8, 5)(maps).shape == (2, 5)


@torch.no_grad()
def test_one_scale_is_enough():
    layout = Layout((0.3,), (Scale(4, (7,)),))
    maps = built("local", layout=layout)(features([(6, 5)], layout=layout))
    assert UPerNet(8, 1, UPerConfig(3, 4, pools=())).eval()(maps, (24, 20)).shape == (2, 3, 24, 20)


@torch.no_grad()
def test_patches_are_classified_as_images_of_their_own():
    head = Linear(8, 5)
    finest = torch.randn(2, 8, 12, 8, generator=torch.Generator().manual_seed(0))
    grid = head([finest], cells=4)
    assert grid.shape == (2, 5, 3, 2)
    assert_same_but_rounding(grid[:, :, 2, 1], head([finest[:, :, 8:12, 4:8]]))
    maps = [finest, torch.randn(2, 8, 6, 4, generator=torch.Generator().manual_seed(1))]
    assert_same_but_rounding(head(maps, cells=4).mean(dim=(2, 3)), head(maps))
    with pytest.raises(ValueError, match="whole patches"):
        head(maps, cells=5)


# Reach.


def cropped(found, start, size):
    """Features of a tile that starts at ``start`` px, the same along both axes."""
    return [
        [
            x[..., start // s.stride : (start + size) // s.stride, start // s.stride : (start + size) // s.stride]
            for x, s in zip(maps, LAYOUT.scales, strict=True)
        ]
        for maps in found
    ]


SCENE, START, TILE = 160, 24, 112


@pytest.mark.parametrize("norm", ["pixel", "batch"])
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_tile_gives_the_pixels_of_the_whole_scene_beyond_the_stated_reach(kind, norm):
    fuser = settled(built(kind, norm=norm, warmup=0))
    torch.manual_seed(3)
    head = settled(UPerNet(8, 3, UPerConfig(4, 8, (), "pixel" if norm == "pixel" else "batch")))
    found = features([(SCENE // s.stride,) * 2 for s in LAYOUT.scales], images=1)
    rim = margin(LAYOUT, head=head.reach(LAYOUT.strides), fuser=fuser.reach, backbone=0)
    assert 2 * rim < TILE
    whole = head(fuser(found), (SCENE, SCENE))[..., START : START + TILE, START : START + TILE]
    tile = head(fuser(cropped(found, START, TILE)), (TILE, TILE))
    assert_same_but_rounding(tile[..., rim:-rim, rim:-rim], whole[..., rim:-rim, rim:-rim])
    # One px more of the rim does differ, so the margin is no wider than it must be.
    assert float((tile - whole)[..., rim - 1 : 1 - rim, rim - 1 : 1 - rim].abs().max()) > 1e-6


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_patches_of_a_tile_are_those_of_the_whole_scene_beyond_the_stated_reach(kind):
    fuser = built(kind, warmup=0)
    torch.manual_seed(3)
    head = Linear(8, 4)
    found = features([(SCENE // s.stride,) * 2 for s in LAYOUT.scales], images=1)
    rim = margin(LAYOUT, head=head.reach(LAYOUT.strides), fuser=fuser.reach, backbone=0)
    patch = 8
    lost = -(-rim // patch)
    first, count = START // patch, TILE // patch
    whole = head(fuser(found), cells=4)[..., first : first + count, first : first + count]
    tile = head(fuser(cropped(found, START, TILE)), cells=4)
    assert 0 < lost < count // 2
    assert_same_but_rounding(tile[..., lost:-lost, lost:-lost], whole[..., lost:-lost, lost:-lost])
    assert float((tile - whole).abs().max()) > 1e-3


def test_what_looks_at_the_whole_map_says_so():
    assert built("global", norm="group", groups=2).reach is None
    assert built("experts", window=None).reach is None
    assert built("experts", window=5).reach == (3, 3, 3)
    assert UPerNet(8, 3, UPerConfig(4, 8)).reach(LAYOUT.strides) is None
    assert margin(LAYOUT, head=None, fuser=(1, 1, 1), backbone=0) is None
    assert margin(LAYOUT, head=Linear(8, 4).reach(LAYOUT.strides), fuser=None, backbone=0) is None


def test_the_margin_of_one_scale_by_hand():
    one = Layout((1,), (Scale(1, (2,)),))
    head = UPerNet(8, 1, UPerConfig(4, 8, ())).reach(one.strides)
    # Two convolutions of the head, what the fuser and the backbone look at.
    assert margin(one, head=head, fuser=(0,), backbone=0) == 2
    assert margin(one, head=head, fuser=(3,), backbone=7) == 2 + 3 + 7
    # Of 4 px: a tile has whole cells, and interpolation reads the next one from the middle of a cell on.
    four = Layout((1,), (Scale(4, (2,)),))
    head = UPerNet(8, 1, UPerConfig(4, 8, ())).reach(four.strides)
    assert margin(four, head=head, fuser=(0,), backbone=0) == 2 * 4 + 2
    assert margin(four, head=head, fuser=(0,), backbone=4) == 3 * 4 + 2
    assert margin(four, head=Linear(8, 4).reach(four.strides), fuser=(0,), backbone=0) == 0


# Experts.


def pairs(fuser, x):
    """Numbers of the experts that each image of a scale goes to."""
    return fuser.scale_moes[1].logits(x).topk(2, dim=1).indices.sort(dim=1).values


def test_the_warm_up_counts_batches_of_training_and_its_end_is_kept():
    fuser = built("experts", warmup=3, window=None)
    maps = features([(4, 4), (2, 2), (1, 1)])
    fuser(maps)
    assert fuser.warm
    assert int(fuser.batches) == 0
    fuser.train()
    for _ in range(3):
        assert fuser.warm
        fuser(maps)
    assert not fuser.warm
    again = built("experts", warmup=3, window=None)
    again.load_state_dict(fuser.state_dict())
    assert not again.eval().warm


def test_the_released_count_is_of_calls_and_forgotten():
    fuser = built("experts", warmup=4, as_released=True)
    maps = features([(4, 4), (2, 2), (1, 1)])
    fuser(maps)
    assert fuser.batches.tolist() == [2, 2, 2]
    assert not any("batches" in key for key in fuser.state_dict())
    plain = built("experts", warmup=4)
    assert plain.state_dict().keys() - fuser.state_dict().keys() == {"batches"}
    plain.end_warmup()
    assert not plain.warm


@torch.no_grad()
def test_after_the_warm_up_only_the_best_experts_count():
    fuser = built("experts", warmup=0, window=None)
    maps = features([(4, 4), (2, 2), (1, 1)], images=1)
    x = maps[0][1]
    (chosen,) = pairs(fuser, x)[:, :, 0, 0].tolist()
    (other,) = {0, 1, 2} - set(chosen)
    moe = fuser.scale_moes[1]
    before, _ = moe(x, False)
    soft, _ = moe(x, True)
    for parameter in moe.experts[other].parameters():
        parameter.fill_(7.0)
    assert torch.equal(moe(x, False)[0], before)
    assert not torch.allclose(moe(x, True)[0], soft)
    # The softmax of the two is over the two.
    logits = moe.logits(x)[:, chosen]
    want = (logits.softmax(dim=1)[:, :, None] * torch.stack([moe.experts[n](x) for n in chosen], dim=1)).sum(dim=1)
    assert_same_but_rounding(before, want)


@torch.no_grad()
def test_each_cell_may_go_to_experts_of_its_own():
    fuser = built("experts", warmup=0)
    x = features([(16, 16), (8, 8), (4, 4)])[0][1] * 20
    assert len(pairs(fuser, x).movedim(1, -1).flatten(0, 2).unique(dim=0)) > 1
    assert fuser.scale_moes[1].logits(x).shape == (2, 3, 8, 8)


def test_balance_is_a_loss_over_all_scales_and_off_by_default():
    maps = features([(4, 4), (2, 2), (1, 1)])
    off = built("experts")
    off(maps)
    assert off.balance_loss() is None
    assert built("global").balance_loss() is None
    fuser = built("experts", balance=True)
    fuser(maps)
    loss = fuser.balance_loss()
    assert 0 < float(loss.detach()) < 3 * math.log(3)
    loss.backward()
    # Every scale's gate learns of it.
    assert all(float(moe.gate_network[0].weight.grad.abs().sum()) > 0 for moe in fuser.scale_moes)
    even, one = torch.full((4,), 0.25), torch.tensor([1.0, 0.0, 0.0, 0.0])
    assert abs(float(unevenness(even))) < 1e-6
    assert math.isclose(float(unevenness(one)), math.log(4), rel_tol=1e-6)


# What the released code does and should not.


@torch.no_grad()
def test_local_weights_read_each_stream_from_its_own_channels_unless_as_released():
    maps = features([(4, 4), (2, 2), (1, 1)])
    changed = [[x.clone() for x in time] for time in maps]
    for time in changed:
        time[0][:, 5:] += 1.0
    assert not torch.allclose(built("local")(maps)[0], built("local")(changed)[0])
    released = built("local", as_released=True)
    assert torch.equal(released(maps)[0], released(changed)[0])


# Configurations.


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"kind": "mean"}, "no fuser"),
        ({"norm": "layer"}, "no fuser"),
        ({"width": 100}, "groups"),
        ({"top": 9}, "8 experts"),
        ({"window": 4}, "middle"),
        ({"bottleneck": 0}, "positive"),
        ({"warmup": -1}, "positive"),
    ],
)
def test_shapes_that_cannot_be_are_refused(changes, match):
    with pytest.raises(ValueError, match=match):
        FuserConfig(**changes)


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: UPerConfig(0), "positive"),
        (lambda: UPerConfig(3, norm="group"), "norm"),
        (lambda: UPerConfig(3, dropout=1.0), "share"),
        (lambda: Layout((1, 1), (Scale(1, (2,)),)), "once"),
        (lambda: Layout((1,), (Scale(4, (2,)), Scale(2, (2,)))), "finest"),
        (lambda: Scale(1, ()), "channels"),
    ],
)
def test_other_shapes_that_cannot_be_are_refused(build, match):
    with pytest.raises(ValueError, match=match):
        build()


def test_shapes_come_back_from_a_card():
    stored = {"times": [47, 45], "scales": [{"stride": 8, "channels": [3, 4]}, {"stride": 16, "channels": [5]}]}
    layout = Layout.of(stored)
    assert layout == Layout((47, 45), (Scale(8, (3, 4)), Scale(16, (5,))))
    assert (layout.streams, layout.first(1), layout.weight(1, 2)) == (3, 2, 5)
    assert UPerConfig.of({"classes": 3, "pools": [1, 2]}) == UPerConfig(3, pools=(1, 2))
    assert FuserConfig.of({"kind": "local"}) == FuserConfig("local")
