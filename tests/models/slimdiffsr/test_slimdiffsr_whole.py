"""The student that knows the whole scene: its statistics, how far it then sees, and its tiles in the engine."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import rasterio
import torch
from torch import nn
from torch.nn import functional as F

from seamline.engine.contract import MeasuringModel, Runtime, Where
from seamline.engine.errors import ModelError
from seamline.engine.request import Request
from seamline.engine.run import plan_run, run
from seamline.models.folder import write_folder
from seamline.models.registry import resolve
from seamline.models.slimdiffsr.config import Config
from seamline.models.slimdiffsr.layers import DirectionSeparableConv, FrequencySeparableConv, QueryAggregation
from seamline.models.slimdiffsr.network import SlimDiffSR
from seamline.models.slimdiffsr.reach import reach
from seamline.models.slimdiffsr.tile import MatchedTile, SceneTile, Use, card, load, sight
from seamline.models.slimdiffsr.wholes import MeasuredWholes, SceneWholes
from seamline.tests.bounds import assert_same_but_rounding, assert_within_one_dn

SMALL = Config(
    channels=(8, 16, 16), groups=4, queries=3, squeeze=4, codec="shuffle", codec_width=8, codec_blocks=(1, 1)
)
FUSED = replace(SMALL, codec="fused", codec_blocks=(2, 1))
STATEMENTS = {"licence": "none", "training_data": "none", "citation": "none"}
HERE = Where(0, 0, ((0, 0),), {"image": (1.0, 1.0)})
CPU = torch.device("cpu")


def student(config: Config = SMALL) -> SlimDiffSR:
    torch.manual_seed(4)
    return SlimDiffSR(config).eval().requires_grad_(False)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def everywhere(height: int, width: int) -> torch.Tensor:
    return torch.ones(height, width, dtype=torch.bool)


def sums_of(network: SlimDiffSR, image: torch.Tensor) -> np.ndarray:
    seen = MeasuredWholes(everywhere(*image.shape[-2:]), network.config.stride)
    network(image, seen)
    return seen.sums


# What is measured, layer by layer.


def test_measuring_changes_nothing_and_an_image_alone_is_its_own_scene():
    for config in (SMALL, FUSED, replace(FUSED, codec="taesd"), replace(SMALL, first="conv", second="conv")):
        network, image = student(config), 2.0 * noise(1, 3, 24, 32) - 1.0
        seen = MeasuredWholes(everywhere(24, 32), config.stride)
        assert torch.equal(network(image, seen), network(image))
        assert_same_but_rounding(network(image, SceneWholes(seen.sums, CPU)), network(image))
        other = 2.0 * noise(1, 3, 24, 32, seed=1) ** 3 - 1.0
        assert (network(other, SceneWholes(seen.sums, CPU)) - network(other)).abs().max() > 1e-3


def test_moments_and_means_of_two_images_are_those_of_both_together():
    norm, maps = nn.GroupNorm(2, 8), 3.0 * noise(2, 8, 6, 4) ** 2
    nn.init.normal_(norm.weight, generator=torch.Generator().manual_seed(1))
    nn.init.normal_(norm.bias, generator=torch.Generator().manual_seed(2))
    parts = [MeasuredWholes(everywhere(12, 8), 2) for _ in range(2)]
    for part, x in zip(parts, maps, strict=True):
        part.normed(norm, x[None])
        part.means(x[None])
    scene = SceneWholes(parts[0].sums + parts[1].sums, CPU)
    joined = torch.cat(tuple(maps), dim=1)[None]
    assert_same_but_rounding(torch.cat(tuple(scene.normed(norm, maps)), dim=1)[None], norm(joined))
    assert_same_but_rounding(scene.means(maps), joined.mean(dim=(2, 3)).expand(2, -1))


def test_queries_gather_from_all_images_as_from_one():
    torch.manual_seed(1)
    layer = QueryAggregation(16, 4, 8).requires_grad_(False)
    tokens = 4.0 * torch.randn(2, 24, 16)
    parts = [MeasuredWholes(everywhere(12, 8), 2) for _ in range(2)]
    for part, x in zip(parts, tokens, strict=True):
        layer(x[None], part)
    scene = layer(tokens, SceneWholes(parts[0].sums + parts[1].sums, CPU))
    together = layer(tokens.reshape(1, 48, 16)).reshape(2, 24, 16)
    assert_same_but_rounding(scene, together)
    assert (together - layer(tokens)).abs().max() > 1e-3


def test_scores_beyond_all_bounds_give_finite_tokens():
    query, key, value = noise(1, 2, 4), 1e6 * (noise(1, 24, 4, seed=1) - 0.5), noise(1, 24, 4, seed=2)
    part = MeasuredWholes(everywhere(12, 8), 2)
    part.gathered(query, key, value, 1.0)
    found = SceneWholes(1000 * part.sums, CPU).gathered(query, key, value, 1.0)
    assert found.isfinite().all()
    assert (found >= value.min()).all()
    assert (found <= value.max()).all()


def test_pixels_that_do_not_count_leave_the_sums_alone():
    counted = everywhere(12, 8)
    counted[:, 6:] = False
    counted[:4] = False
    norm, x, other = nn.GroupNorm(2, 8), noise(1, 8, 6, 4), noise(1, 8, 6, 4, seed=1)
    inside = x[..., 2:, :3]
    other[..., 2:, :3] = inside
    found = []
    for maps in (x, other):
        part, tokens = MeasuredWholes(counted, 2), maps.flatten(2).transpose(1, 2)
        part.normed(norm, maps)
        part.means(maps)
        part.gathered(tokens[:, :2] * 0 + 0.5, tokens, tokens, 1.0)
        found.append(part.sums)
    np.testing.assert_array_equal(found[0], found[1])
    assert found[0][0] == 8 * 6
    np.testing.assert_allclose(found[0][5:13] / 48, inside.mean(dim=(0, 2, 3)), rtol=1e-4)


def test_there_are_as_many_sums_as_the_layers_need():
    for config in (SMALL, replace(FUSED, second="conv")):
        network = student(config)
        needed = 1
        for module in network.modules():
            if isinstance(module, nn.GroupNorm):
                needed += 2 * module.num_groups
            elif isinstance(module, FrequencySeparableConv | DirectionSeparableConv):
                needed += module.mlp[0].in_features
            elif isinstance(module, QueryAggregation):
                needed += config.queries * (config.squeeze + 1)
        assert sums_of(network, noise(1, 3, 16, 16)).shape == (needed,)


# How far it sees.


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        FUSED,
        replace(FUSED, codec="taesd", codec_blocks=(1, 2)),
        replace(SMALL, first="conv"),
        replace(SMALL, second="conv", codec_blocks=(1, 1, 1)),
    ],
)
def test_what_it_sees_ends_at_its_reach_and_not_much_before(config):
    network, far, stride = student(config), reach(config), config.stride
    middle = -(-far // stride + 1) * stride
    side = 2 * middle
    sums = sums_of(network, noise(1, 3, 32, 32))
    for turned in (False, True):
        widest = 0
        # The first and the last px of a cell see farthest to one side each.
        for place in (middle, middle + stride - 1):
            strip = noise(1, 3, side + stride, 4 * stride, seed=1)
            image = (strip.mT if turned else strip).contiguous().requires_grad_()
            out = network(image, SceneWholes(sums, CPU))
            (out.mT if turned else out)[..., place, 2 * stride].sum().backward()
            deciding = image.grad.abs().sum(dim=(0, 1, 2 if turned else 3)).nonzero().flatten()
            widest = max(widest, place - int(deciding[0]), int(deciding[-1]) - place)
        assert far - 2 * stride <= widest <= far


def test_as_published_it_sees_everything():
    network, far = student(), reach(SMALL)
    image = noise(1, 3, 8, far + 40).requires_grad_()
    network(image)[..., 4, -1].sum().backward()
    assert image.grad[..., 0].any()


@pytest.mark.parametrize("change", [{"attention": "self"}, {"codec": "kl", "codec_blocks": (1, 1, 1, 1)}])
def test_a_network_that_always_sees_everything_is_refused(change):
    config = replace(SMALL, **change)
    with pytest.raises(ValueError, match="self-attention"):
        card(config, Use(2, 32, wholes="scene"), name="x", version="1", **STATEMENTS)
    card(config, Use(2, 32), name="x", version="1", **STATEMENTS)
    given = json.loads(json.dumps({"network": asdict(config), "use": asdict(Use(2, 32, wholes="scene"))}))
    with pytest.raises(ModelError, match="self-attention"):
        load(given, student(config).state_dict(), Runtime())


def test_the_margin_is_the_reach_where_the_tile_has_room():
    def spec(tile: int, wholes: str):
        return card(SMALL, Use(2, 32, wholes=wholes), tile=tile, name="x", version="1", **STATEMENTS).spec

    seen = sight(SMALL, Use(2, 64))
    assert seen == -(-reach(SMALL) // 2) + 2
    for tile, wholes in ((4 * seen + 4, "tile"), (4 * seen - 4, "scene")):
        assert spec(tile, wholes).margin == spec(tile, wholes).tile // 16
    wide = spec(4 * seen + 4, "scene")
    assert (wide.margin, wide.overlap >= 2 * wide.margin) == (seen, True)


# As a tile model.


@pytest.mark.parametrize(("bands", "rule"), [(3, "groups"), (5, "groups"), (2, "single")])
@pytest.mark.parametrize("colour", ["scene", "none"])
def test_a_scene_of_one_training_image_is_sharpened_as_published(bands, rule, colour):
    image, use = noise(1, bands, 16, 16), Use(2, 16, rule, colour, "scene")
    published, whole = MatchedTile(student(), use), SceneTile(student(), use)
    valid = everywhere(16, 16)[None, None]
    before, after = (model.measure({"image": image}, valid, HERE) for model in (published, whole))
    if colour == "scene":
        np.testing.assert_array_equal(after[: before.size], before)
    else:
        before = np.zeros(0)
    expected = published.predict({"image": image}, replace(HERE, statistics=before))
    found = whole.predict({"image": image}, replace(HERE, statistics=after))
    assert_within_one_dn(found, expected)


def test_each_group_of_bands_has_its_own_statistics():
    use = Use(2, 16, colour="none", wholes="scene")
    model, image = SceneTile(student(), use), noise(1, 6, 16, 16)
    image[:, 3:] = 0.1 * image[:, 3:]
    valid = everywhere(16, 16)[None, None]
    found = model.measure({"image": image}, valid, HERE)
    alone = [model.measure({"image": part}, valid, HERE) for part in (image[:, :3], image[:, 3:])]
    np.testing.assert_allclose(found, np.concatenate(alone), rtol=1e-12)
    swapped = replace(HERE, statistics=np.concatenate(alone[::-1]))
    right = model.predict({"image": image}, replace(HERE, statistics=found))
    assert (model.predict({"image": image}, swapped) - right).abs().max() > 1e-3


def test_blocks_are_measured_in_training_images_and_tiles_do_not_see_each_other():
    model = SceneTile(student(), Use(2, 16, colour="none", wholes="scene"))
    image, valid = noise(1, 3, 21, 37), torch.zeros(1, 1, 21, 37, dtype=torch.bool)
    valid[..., 3:19, 2:34] = True
    whole = model.measure({"image": image}, valid, HERE)
    assert whole[0] == 4 * 16 * 32
    up, counted = model.upsampled(image), everywhere(32, 32)
    parts = [model.sums(up[..., 6:38, first : first + 32], counted, HERE) for first in (4, 36)]
    np.testing.assert_allclose(whole, parts[0] + parts[1], rtol=1e-12)
    here, both = replace(HERE, statistics=whole), noise(2, 3, 12, 16, seed=3)
    pair = model.predict({"image": both}, here)
    assert_within_one_dn(pair[1:], model.predict({"image": both[1:]}, here))


def test_missing_statistics_and_those_of_other_scenes_are_refused():
    for colour in ("scene", "none"):
        model = SceneTile(student(), Use(2, 16, colour=colour, wholes="scene"))
        image = noise(1, 3, 16, 16)
        with pytest.raises(ModelError, match="statistics of the scene"):
            model.predict({"image": image}, HERE)
        found = model.measure({"image": image}, everywhere(16, 16)[None, None], HERE)
        for wrong in (found[:-5], found[: found.size // 2]):
            with pytest.raises(ModelError, match="statistics of the scene"):
                model.predict({"image": image}, replace(HERE, statistics=wrong))
        with pytest.raises(ModelError, match="statistics of the scene"):
            model.predict({"image": noise(1, 4, 16, 16)}, replace(HERE, statistics=found))


def test_the_model_folder_says_which_it_is():
    state = student().state_dict()
    for wholes, kind in (("scene", SceneTile), ("tile", MatchedTile)):
        given = json.loads(json.dumps({"network": asdict(SMALL), "use": asdict(Use(2, 16, wholes=wholes))}))
        loaded = load(given, state, Runtime())
        assert type(loaded) is kind
        assert isinstance(loaded, MeasuringModel)
    del given["use"]["wholes"]
    assert type(load(given, state, Runtime())) is MatchedTile
    given["use"]["wholes"] = "block"
    with pytest.raises(ModelError, match="tile or scene"):
        load(given, state, Runtime())


# Through the engine.


@pytest.fixture
def source(tmp_path):
    """A function that writes a small model folder and resolves it."""

    def write(wholes: str):
        about = card(SMALL, Use(2, 96, wholes=wholes), tile=240, name="small", version="1", **STATEMENTS)
        write_folder(tmp_path / wholes, about, student().state_dict())
        return resolve(str(tmp_path / wholes), "superres")

    return write


@pytest.fixture
def raster(write_raster):
    """Path of a scene whose brightness and texture change down it: 3 bands of 440 x 90 px."""
    rng = np.random.default_rng(1)
    ramp = np.linspace(0.2, 2.0, 440)[:, None]
    values = (1500 + 400 * np.arange(3)[:, None, None]) * ramp + 300 * ramp * rng.standard_normal((3, 440, 90))
    smooth = F.avg_pool2d(torch.from_numpy(values), 3, 1, 1).numpy()
    return str(write_raster("in.tif", np.clip(smooth, 1, 9000).astype(np.uint16)))


@pytest.mark.parametrize(("wholes", "agree"), [("scene", True), ("tile", False)])
def test_tiles_of_any_size_and_extent_agree_where_the_scene_is_known_and_only_there(
    source, raster, tmp_path, wholes, agree
):
    model = source(wholes)

    def result(name: str, **asked) -> np.ndarray:
        out = tmp_path / f"{name}.tif"
        run(Request(inputs={"image": raster}, out=str(out), threads=1, consistency="off", **asked), model)
        with rasterio.open(out) as file:
            return file.read().astype(int)

    whole, other = result("whole"), result("other", tile=320)
    part = result("part", tile=280, window=(11, 101, 60, 200))
    for one, two in ((whole, other), (whole[:, 202:602, 22:142], part)):
        near = float((np.abs(one - two) <= 1).mean())
        assert near >= 0.9999 if agree else near < 0.9


def test_statistics_belong_to_the_scene_and_not_to_the_extent(source, raster, tmp_path):
    model, out = source("scene"), str(tmp_path / "out.tif")
    whole, _ = plan_run(Request(inputs={"image": raster}, out=out, threads=1), model)
    part, _ = plan_run(Request(inputs={"image": raster}, out=out, threads=1, tile=320, window=(20, 100, 64, 64)), model)
    assert whole.statistics == part.statistics
    passes = sums_of(student(), noise(1, 3, 16, 16)).size
    assert len(whole.statistics) == 5 * 3 + passes
