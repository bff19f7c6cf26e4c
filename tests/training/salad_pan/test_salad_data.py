"""Pairs for the published-size SALAD-Pan: PanCollection files and scenes, sensor by sensor, never the test pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from seamline.engine.errors import RequestError
from seamline.training.data.simulate import Pair
from seamline.training.salad_pan.data import SensorTurns, held_out_batches, load_pairs, sensor_batch
from seamline.training.salad_pan.recipe import SensorData
from seamline.training.settings import PairSettings

h5py = pytest.importorskip("h5py")


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
    """Pairs of a four-band and an eight-band sensor."""
    root = tmp_path_factory.mktemp("salad")
    for sensor, bands, peak in (("gf2", 4, 1023.0), ("wv3", 8, 2047.0)):
        for part in ("train", "valid"):
            collection(root / f"{part}_{sensor}.h5", bands, peak)
    return root


@pytest.fixture(autouse=True)
def _without_data(monkeypatch):
    monkeypatch.delenv("SEAMLINE_DATA", raising=False)


def pairs(root: Path, *sensors: str) -> list[dict[str, object]]:
    return [
        {"sensor": s.upper(), "train": str(root / f"train_{s}.h5"), "valid": str(root / f"valid_{s}.h5"), "check": [1]}
        for s in sensors
    ]


def settings(*entries: dict[str, object], **more: object) -> SensorData:
    made = tuple(PairSettings(**{k: tuple(v) if k == "check" else v for k, v in entry.items()}) for entry in entries)
    given = {"patch": 16, "held_out_patch": 16, "resolution": 32, "unrolled": 8, "images": 2, **more}
    return SensorData(pairs=made, **given)


def opened(*entries: dict[str, object], folder: Path = Path(), **more: object):
    return load_pairs(settings(*entries, **more), Path(), folder, lambda: None)


def test_sensors_take_turns_and_never_mix_band_counts(root):
    entries = pairs(root, "gf2", "wv3")
    sources, given = opened(*entries), settings(*entries)
    turns = SensorTurns(sources, given, 7)
    seen = [turns(k) for k in range(6)]
    assert [b.sensor for b in seen] == ["GF2", "WV3"] * 3
    assert [tuple(b.target.shape) for b in seen[:2]] == [(2, 4, 32, 32), (2, 8, 32, 32)]
    again = SensorTurns(sources, given, 7)(4)
    assert torch.equal(again.target, seen[4].target)
    assert again.seed == seen[4].seed
    assert not torch.equal(seen[2].target, seen[4].target)
    assert not torch.equal(SensorTurns(sources, given, 8)(4).target, seen[4].target)
    by_bands = SensorTurns(sources, replace(given, images=0), 7)
    assert [len(by_bands(k).pan) for k in range(2)] == [2, 1]
    # Nothing is turned: the file's bands stand in their order, each a share of PAN.
    share = torch.arange(1, 9)[:, None, None] / 8
    torch.testing.assert_close(seen[1].target[0], seen[1].pan[0] * share, atol=1e-5, rtol=0)


def test_patches_are_resized_bilinearly_or_left_as_they_are():
    image = np.arange(16.0, dtype=np.float32).reshape(1, 4, 4)
    pair = Pair(image, image, image)
    assert torch.equal(sensor_batch([pair], 4.0, 0, "x", 0).pan[0, 0], torch.from_numpy(image[0]))
    row = sensor_batch([pair], 4.0, 0, "x", 8).pan[0, 0, 0]
    assert row.tolist() == pytest.approx([0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0])


def test_what_is_brighter_than_the_peak_is_clipped_and_the_peak_can_be_another(root):
    (entry,) = pairs(root, "gf2")

    def held_out(**more: object) -> torch.Tensor:
        changed = {**entry, **more}
        (found,) = held_out_batches(opened(changed), settings(changed))
        assert (found.sensor, tuple(found.target.shape)) == ("GF2", (1, 4, 32, 32))
        return found.target

    torch.testing.assert_close(held_out(peak=2047), held_out() * 1023 / 2047, atol=1e-6, rtol=0)
    assert held_out().max() < 1.0
    assert held_out(peak=100).max() == 1.0


def write(path: Path, pixels: np.ndarray, gsd: float, nodata: float | None = None) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    bands, height, width = pixels.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=bands,
        height=height,
        width=width,
        dtype="uint16",
        crs="EPSG:32633",
        transform=from_origin(500000, 5000000, gsd, gsd),
        nodata=nodata,
    ) as file:
        file.write(pixels.astype(np.uint16))
    return str(path)


def scene(folder: Path, hole: bool = False, height: int = 60, width: int = 40) -> dict[str, object]:
    """A GF2 pair whose bands rise with PAN, which rises along the rows; sizes in MS px."""
    rng = np.random.default_rng(1)
    fine = 200 + 2 * np.arange(4 * height)[:, None] + rng.uniform(0, 60, (4 * height, 4 * width))
    coarse = fine.reshape(height, 4, width, 4).mean((1, 3))
    ms = np.stack([coarse * share for share in (0.5, 0.75, 1.0, 1.25)])
    if hole:
        ms[:, 5:8, 5:8] = 0
    return {
        "sensor": "GF2",
        "pan": write(folder / "pan.tif", fine[None], 0.8),
        "ms": write(folder / "ms.tif", ms, 3.2, nodata=0 if hole else None),
    }


def test_a_scene_gives_pairs_whose_target_is_its_ms_and_its_last_fifth_is_held_out(root, tmp_path):
    entry = scene(tmp_path)
    (source,) = opened(entry, folder=tmp_path / "run", held_out_patch=12)["GF2"]
    assert (source.ratio, source.bands, source.peak) == (4.0, 4, 1023.0)
    with rasterio.open(entry["ms"]) as file:
        stored = file.read().astype(np.float32) / np.float32(1023)
    pair = source.draw(16, np.random.default_rng(0))
    places = [
        (row, column)
        for row in range(60 - 15)
        for column in range(40 - 15)
        if np.array_equal(stored[:, row : row + 16, column : column + 16], pair.target)
    ]
    assert len(places) == 1
    assert places[0][0] + 16 <= 48
    assert pair.pan.shape == (1, 16, 16)
    # Degraded MS is smoother than MS, PAN is not shifted against it.
    assert pair.ms.std() < pair.target.std()
    assert np.corrcoef(pair.pan.ravel(), pair.target[2].ravel())[0, 1] > 0.95
    assert np.abs(pair.ms - pair.target).mean() < 0.05
    for held in source.held_out(12, 3):
        assert float(held.target[2].min()) * 1023 > 200 + 2 * 4 * 47

    note = tmp_path / "run" / "pairs" / "0" / "pair.json"
    stamp = (note.parent / "ms.tif").stat().st_mtime_ns
    opened(entry, folder=tmp_path / "run", held_out_patch=12)
    assert (note.parent / "ms.tif").stat().st_mtime_ns == stamp
    both = (entry, *pairs(root, "wv3"))
    turns = SensorTurns(opened(*both, folder=tmp_path / "run"), settings(*both), 0)
    assert [(turns(k).sensor, turns(k).target.shape[1]) for k in range(3)] == [("GF2", 4), ("WV3", 8), ("GF2", 4)]
    with pytest.raises(RequestError, match="no patch of 49 px"):
        source.draw(49, np.random.default_rng(0))


def test_a_patch_never_holds_masked_pixels(tmp_path):
    (source,) = opened(scene(tmp_path, True, 120, 80), folder=tmp_path / "run")["GF2"]
    rng = np.random.default_rng(0)
    assert all((source.draw(8, rng).target > 0).all() for _ in range(20))
    with pytest.raises(RequestError, match="64 patches of 60 px in a row"):
        source.draw(60, rng)


@pytest.mark.parametrize("pairs_of", ["pansharpen", "pansharpen_more"])
def test_the_test_pairs_are_refused_by_path_link_and_environment(pairs_of, tmp_path, monkeypatch):
    def attempt(entry):
        opened(entry, folder=tmp_path / "run")

    entry = scene(tmp_path / "data" / pairs_of / "city")
    attempt(entry)  # any folder may have this name
    monkeypatch.setenv("SEAMLINE_DATA", str(tmp_path / "data"))
    with pytest.raises(RequestError, match="no training may see it"):
        attempt(entry)
    (tmp_path / "elsewhere").symlink_to(tmp_path / "data" / pairs_of)
    with pytest.raises(RequestError, match="no training may see it"):
        attempt({**entry, "ms": str(tmp_path / "elsewhere" / "city" / "ms.tif")})
    quality = tmp_path / "data" / "quality"
    quality.mkdir()
    files = {part: collection(quality / f"{part}_gf2.h5", 4, 1023.0) for part in ("train", "valid")}
    with pytest.raises(RequestError, match="no training may see it"):
        attempt({"sensor": "GF2", **files})
    monkeypatch.delenv("SEAMLINE_DATA")
    (tmp_path / "data" / "splits.json").write_text("{}")
    with pytest.raises(RequestError, match="no training may see it"):
        attempt(entry)


def test_held_out_scenes_are_others_than_those_that_are_trained_on(root, tmp_path):
    (entry,) = pairs(root, "gf2")
    four = collection(tmp_path / "valid_wv3.h5", 4, 2047.0)
    wide = {"sensor": "WV3", "train": str(root / "train_wv3.h5"), "valid": four}
    for spoilt, message in (
        ({**entry, "valid": entry["train"]}, "the same file"),
        (wide, "has other bands"),
        ({**entry, "check": [3]}, "no scene 3; check 0 to 2"),
    ):
        with pytest.raises(RequestError, match=message):
            opened(spoilt)
