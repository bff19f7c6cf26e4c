"""The head that reads features beside the image: what it is given, what it refuses, and how far it looks."""

from dataclasses import replace

import pytest
import torch

from seamline.engine.errors import ModelError
from seamline.models.satdifuser.beside import Beside, image_of
from seamline.models.satdifuser.config import BackboneRef, Config, LinearConfig, Reading
from seamline.models.satdifuser.fusers.config import FuserConfig
from seamline.models.satdifuser.layout import Layout, Scale
from seamline.models.satdifuser.network import SatDiFuser
from seamline.models.satdifuser.unet import UNet, UNetConfig
from seamline.models.satdifuser.upernet import UPerConfig
from seamline.models.terra_ldm.conditioning import Band
from seamline.tests.bounds import assert_same_but_rounding

BANDS = 2
CONFIG = Config(
    backbone=BackboneRef("terra", "none", "none"),
    reading=Reading(pixels=True),
    bands=(Band(), Band()),
    levels=(1.0, 1.0),
    fuser=FuserConfig(width=8, bottleneck=4, norm="batch"),
    head=UNetConfig(3, 4),
)


class Coarse:
    """A backbone that averages cells."""

    def __init__(self, *strides):
        self.layout, self.align, self.reach = Layout((0.5,), tuple(Scale(s, (BANDS,)) for s in strides)), strides[-1], 0

    def features(self, image, noise, checkpoint, metadata):
        return [[torch.nn.functional.avg_pool2d(image, stride) for stride in self.layout.strides]]


def beside(*strides):
    return Beside(Coarse(*strides), BANDS)


def looked(backbone, image):
    return backbone.features(image, lambda *_: None, lambda: None)


def scene(side, seed=0):
    return torch.randn(1, BANDS, side, side, generator=torch.Generator().manual_seed(seed))


def settled(backbone):
    """A network whose norms have seen images."""
    torch.manual_seed(5)
    network = SatDiFuser(backbone.layout, CONFIG).train()
    for n in range(40):
        network(looked(backbone, scene(64, n)), (64, 64))
    return network.eval()


@pytest.mark.parametrize("finest", [1, 2, 4])
def test_the_image_lies_beside_the_features_whatever_their_cells(finest):
    backbone, image = beside(finest, 16, 32), scene(64)
    found = looked(backbone, image)
    assert torch.equal(image_of(found, backbone.layout, BANDS), image)
    for maps, scale in zip(found[0], backbone.layout.scales, strict=True):
        assert maps.shape[1:] == (scale.width, 64 // scale.stride, 64 // scale.stride)
    # A cell of 32 px would bring a thousand streams a band.
    assert backbone.layout.scales[2].channels == (BANDS,)


@pytest.mark.parametrize("strides", [(2, 4, 8, 16), (1, 2, 4, 8), (4, 16)])
@torch.no_grad()
def test_a_tile_gives_the_pixels_of_the_whole_scene_beyond_the_stated_margin(strides):
    backbone = beside(*strides)
    network = settled(backbone)
    margin = network.margin(0)
    side = 2 * -(-(margin + 40) // 16) * 16
    image = scene(side + 64)
    whole = network(looked(backbone, image), (side + 64,) * 2)[..., 32:-32, 32:-32]
    tile = network(looked(backbone, image[..., 32:-32, 32:-32]), (side, side))
    inner = slice(margin, side - margin)
    assert_same_but_rounding(tile[..., inner, inner], whole[..., inner, inner])
    with pytest.raises(AssertionError, match="apart"):
        assert_same_but_rounding(tile, whole)


@torch.no_grad()
def test_both_the_image_and_every_scale_decide():
    torch.manual_seed(1)
    head = UNet(BANDS, 8, (2, 8), UNetConfig(3, 4)).eval()
    image, maps = scene(32), [torch.rand(1, 8, 16, 16), torch.rand(1, 8, 4, 4)]
    found = head(maps, image)
    assert found.shape == (1, 3, 32, 32)
    for others in ([maps[0] + 1, maps[1]], [maps[0], maps[1] + 1]):
        assert not torch.allclose(head(others, image), found)
    assert not torch.allclose(head(maps, image + 1), found)


def test_a_card_tells_the_heads_apart():
    for head in (UNetConfig(3, 4), UPerConfig(3, 4, pools=()), LinearConfig(3, 32)):
        config = replace(CONFIG, head=head)
        assert Config.of(config.to_card()) == config
    older = replace(CONFIG, head=UPerConfig(3, 4, pools=())).to_card()
    del older["head"]["kind"]
    assert Config.of(older).head == UPerConfig(3, 4, pools=())
    unknown = CONFIG.to_card()
    unknown["head"]["kind"] = "best"
    with pytest.raises(ModelError, match="does not describe"):
        Config.of(unknown)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="needs the px"):
        replace(CONFIG, reading=Reading())
    with pytest.raises(ValueError, match="halving"):
        UNet(BANDS, 8, (3, 6), UNetConfig(3, 4))
    with pytest.raises(ValueError, match="positive"):
        UNetConfig(0)
    with pytest.raises(ValueError, match="share"):
        UNetConfig(3, dropout=1.0)
