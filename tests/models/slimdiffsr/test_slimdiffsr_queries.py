"""Where the queries of SlimDiffSR look, as an output beside the image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio
import torch

from seamline.engine.contract import Where
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models.folder import write_folder
from seamline.models.registry import resolve
from seamline.models.slimdiffsr.config import Config
from seamline.models.slimdiffsr.layers import QueryAggregation
from seamline.models.slimdiffsr.network import SlimDiffSR
from seamline.models.slimdiffsr.tile import QUERIES, SlimTile, Use, card

SMALL = Config(channels=(8, 16, 16), groups=4, queries=3, squeeze=4, codec_width=8, codec_blocks=(1, 1))
STATEMENTS = {"licence": "none", "training_data": "none", "citation": "none"}
HERE = Where(0, 0, ((0, 0),), {"image": (1.0, 1.0)}, wanted=frozenset({"image", QUERIES}))


def student() -> SlimDiffSR:
    torch.manual_seed(4)
    return SlimDiffSR(SMALL).eval().requires_grad_(False)


def image(bands: int = 3) -> torch.Tensor:
    return torch.rand(2, bands, 7, 9, generator=torch.Generator().manual_seed(0))


def attention(network: SlimDiffSR, model: SlimTile, planes: torch.Tensor) -> torch.Tensor:
    """Of the last layer, by what goes into it."""
    last = [module for module in network.modules() if isinstance(module, QueryAggregation)][-1]
    seen: list[torch.Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(2 * model.upsampled(planes).clamp(0, 1) - 1)
    hook.remove()
    scores = last.scale * last.q_proj(last.query) @ last.k_proj(seen[0]).transpose(1, 2)
    return torch.softmax(scores, dim=2)


def test_a_map_is_the_attention_of_a_query_on_the_pixels_of_its_cells():
    network = student()
    model = SlimTile(network, Use(4, 64, colour="none"))
    found = model.predict({"image": image()}, HERE)
    weights = attention(network, model, image())
    assert found[QUERIES].shape == (2, 3, 28, 36)
    # 28 x 36 px are 14 x 18 cells of two px, all of them within.
    cells = weights.unflatten(2, (14, 18)) * 14 * 18
    torch.testing.assert_close(found[QUERIES][..., ::2, ::2], cells)
    torch.testing.assert_close(found[QUERIES][..., 1::2, 1::2], cells)
    alone = model.predict({"image": image()}, replace(HERE, wanted=frozenset({"image"})))
    assert torch.equal(found["image"], alone)


def test_bands_in_groups_are_averaged():
    network = student()
    model = SlimTile(network, Use(4, 64, colour="none"))
    found = model.predict({"image": image(4)}, HERE)[QUERIES]
    groups = (image(4)[:, [0, 1, 2]], image(4)[:, [3, 3, 3]])
    mean = torch.stack([model.predict({"image": each}, HERE)[QUERIES] for each in groups]).mean(dim=0)
    torch.testing.assert_close(found, mean)


@pytest.mark.parametrize("wholes", ["tile", "scene"])
def test_they_are_written_beside_the_image(write_raster, tmp_path, wholes):
    about = card(SMALL, Use(4, 16, wholes=wholes), name="small", version="1", **STATEMENTS)
    write_folder(tmp_path / "small", about, student().state_dict())
    values = np.random.default_rng(0).integers(1, 4000, (4, 30, 22)).astype(np.uint16)
    path, paths = write_raster("in.tif", values), [str(tmp_path / name) for name in ("a.tif", "b.tif", "q.tif")]
    source = resolve(str(tmp_path / "small"), "superres")
    run(Request(inputs={"image": str(path)}, out=paths[0], threads=1), source)
    run(Request(inputs={"image": str(path)}, out=paths[1], also={QUERIES: paths[2]}, threads=1), source)
    with rasterio.open(paths[0]) as a, rasterio.open(paths[1]) as b, rasterio.open(paths[2]) as q:
        assert np.array_equal(a.read(), b.read())
        assert (q.count, q.shape, q.dtypes[0]) == (3, (120, 88), "float32")
        assert q.descriptions == ("query 1", "query 2", "query 3")
        assert 0.5 < float(q.read().mean()) < 2.0


def test_a_network_without_queries_has_no_such_output():
    config = replace(SMALL, attention="none", sees="cell", codec="shuffle")
    assert card(config, Use(4, 16), name="x", version="1", **STATEMENTS).spec.extras == ()
