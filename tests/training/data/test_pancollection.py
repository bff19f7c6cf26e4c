"""PanCollection files give aligned pairs in the unit range, and say what is wrong with a file."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from seamline.engine.errors import RequestError
from seamline.training.data.pancollection import PanCollectionPatches, draw_pair, open_pancollection, sensor_of

h5py = pytest.importorskip("h5py")


def arrays(count: int = 3, bands: int = 4, side: int = 32, peak: float = 1023.0) -> dict[str, np.ndarray]:
    """Scenes whose truth is PAN times a number of the band, and whose MS is the mean of four by four."""
    rng = np.random.default_rng(0)
    pan = rng.uniform(0.1, 0.5, (count, 1, side, side))
    truth = pan * (np.arange(bands)[:, None, None] + 1) / bands
    coarse = truth.reshape(count, bands, side // 4, 4, side // 4, 4).mean((3, 5))
    stored = {"pan": pan, "gt": truth, "ms": coarse, "lms": coarse.repeat(4, 2).repeat(4, 3)}
    return {key: values * peak for key, values in stored.items()}


def write(path: Path, content: dict[str, np.ndarray]) -> Path:
    with h5py.File(path, "w") as file:
        for key, values in content.items():
            file.create_dataset(key, data=values)
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "train_gf2.h5", arrays())


def test_a_scene_is_read_in_the_unit_range_with_the_sensors_peak(path):
    file = open_pancollection(path)
    assert (file.sensor.name, file.peak, len(file), file.bands) == ("GF2", 1023.0, 3, 4)
    assert (file.size_hw, file.ratio) == ((32, 32), 4)
    scene, stored = file.read(1), arrays(peak=1.0)
    for key, values in (("pan", scene.pan), ("lms", scene.lms), ("ms", scene.ms), ("gt", scene.gt)):
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, stored[key][1], atol=1e-6)
    as_wv3 = open_pancollection(path, sensor="wv3").read(1)
    np.testing.assert_allclose(as_wv3.pan, scene.pan * 1023 / 2047, atol=1e-6)


def test_integers_are_read_and_clipped(tmp_path):
    content = {key: np.full_like(values, 3000).astype(np.uint16) for key, values in arrays(1).items()}
    assert open_pancollection(write(tmp_path / "valid_qb.h5", content)).read(0).gt.max() == 1.0


def test_a_window_is_that_part_of_the_scene(path):
    file = open_pancollection(path)
    whole = file.read(2)
    part = file.read(2, slice(4, 12), slice(8, 32))
    np.testing.assert_array_equal(part.gt, whole.gt[:, 4:12, 8:])
    np.testing.assert_array_equal(part.ms, whole.ms[:, 1:3, 2:])
    assert file.read(2, slice(3, 12), slice(8, 32)).ms is None


def test_patches_stay_aligned_and_follow_from_the_generator(path):
    file = open_pancollection(path)
    for seed in range(12):
        pair = draw_pair(file, 16, np.random.default_rng(seed))
        assert pair.pan.shape == (1, 16, 16)
        np.testing.assert_allclose(pair.target, pair.pan * np.array([0.25, 0.5, 0.75, 1])[:, None, None], atol=1e-6)
        assert not np.array_equal(pair.ms, pair.target)
    again = draw_pair(file, 16, np.random.default_rng(11))
    np.testing.assert_array_equal(again.ms, pair.ms)
    corners = {float(draw_pair(file, 32, np.random.default_rng(s)).pan[0, 0, 0]) for s in range(60)}
    assert len(corners) == 12  # three scenes, four corners: every turn is drawn


def test_batches_follow_from_their_number_and_never_mix_band_counts(path, tmp_path):
    eight = open_pancollection(write(tmp_path / "train_wv3.h5", arrays(2, bands=8)))
    stream = PanCollectionPatches([open_pancollection(path), eight], 16, 8, seed=3)
    assert [tuple(stream(n).target.shape[:2]) for n in range(4)] == [(2, 4), (1, 8), (2, 4), (1, 8)]
    one, other = stream(6), stream(8)
    assert torch.equal(one.ms, stream(6).ms)
    assert not torch.equal(one.pan, other.pan)
    assert one.ratio == 4.0


def test_every_process_and_every_copy_opens_the_file_for_itself(path):
    file = open_pancollection(path)
    handle = file._handle.open()
    assert file._handle.open() is handle
    copy = pickle.loads(pickle.dumps(file))
    assert copy._handle.open() is not handle
    np.testing.assert_array_equal(copy.read(0).pan, file.read(0).pan)
    child = os.fork()
    if not child:
        os._exit(0 if file._handle.open() is not handle else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_full_resolution_has_no_truth_and_old_files_no_ms(tmp_path):
    content = arrays()
    full = open_pancollection(write(tmp_path / "full_wv2.h5", {k: content[k] for k in ("pan", "lms", "ms")}))
    assert full.read(0).gt is None
    with pytest.raises(RequestError, match="no gt"):
        draw_pair(full, 16, np.random.default_rng(0))
    bare = open_pancollection(write(tmp_path / "train_qb.h5", {k: content[k] for k in ("pan", "lms", "gt")}))
    assert bare.ratio == 4
    assert bare.read(0).ms is None


@pytest.mark.parametrize("name", ["gf2", "GF2", "train_gf2", "Training_GF2_10k", "gaofen-2"])
def test_the_sensor_is_looked_up_by_name_then_by_what_stands_in_it(name):
    assert sensor_of(name).name == "GF2"


def test_a_name_without_a_sensor_is_refused():
    with pytest.raises(RequestError, match="names no sensor; give the sensor: GF2"):
        sensor_of("train")


def test_a_test_set_is_never_trained_on(tmp_path):
    file = open_pancollection(write(tmp_path / "test_wv3_multiExm1.h5", arrays(1, bands=8)))
    with pytest.raises(RequestError, match="test set"):
        PanCollectionPatches([file], 16, 8, seed=0)
    with pytest.raises(RequestError, match="no such file"):
        open_pancollection(tmp_path)


def broken(**changes: np.ndarray | None) -> dict[str, np.ndarray]:
    content = arrays() | {key: values for key, values in changes.items() if values is not None}
    return {key: values for key, values in content.items() if changes.get(key, values) is not None}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (broken(pan=None), "the key 'pan' is missing"),
        (broken(lms=None), "the key 'lms' is missing"),
        (broken(pan=np.ones((3, 32, 32))), "four axes"),
        (broken(pan=np.ones((2, 1, 32, 32))), "different numbers of scenes"),
        (broken(pan=np.ones((3, 2, 32, 32))), "band counts do not fit"),
        (broken(gt=np.ones((3, 3, 32, 32))), "band counts do not fit"),
        (arrays(bands=8), "8 bands are not those of GF2"),
        (broken(pan=np.ones((3, 1, 64, 64))), "differ in size"),
        (broken(ms=np.ones((3, 4, 7, 8))), "no whole multiple"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, content, message):
    with pytest.raises(RequestError, match=message):
        open_pancollection(write(tmp_path / "train_gf2.h5", content))


def test_no_file_no_hdf5_and_values_that_are_not_finite(tmp_path, path):
    with pytest.raises(RequestError, match="no such file"):
        open_pancollection(tmp_path / "train_gf2_.h5")
    (tmp_path / "a_gf2.h5").write_text("no")
    with pytest.raises(RequestError, match="no HDF5"):
        open_pancollection(tmp_path / "a_gf2.h5")
    content = arrays()
    content["lms"][1, 2, 3, 4] = np.nan
    file = open_pancollection(write(tmp_path / "b_gf2.h5", content))
    assert np.isfinite(file.read(0).lms).all()
    with pytest.raises(RequestError, match="lms of scene 1 holds values that are not finite"):
        file.read(1)
    with pytest.raises(RequestError, match="no scene 3; use 0 to 2"):
        file.read(3)
    with pytest.raises(RequestError, match="no patch of 33 px"):
        draw_pair(file, 33, np.random.default_rng(0))
