"""Mutated inputs: the same for one seed, changed where they should be, and a few of them through their doors."""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seamline.benchmarks.fuzz.doors import Pixels
from seamline.benchmarks.fuzz.inputs import inputs
from seamline.benchmarks.fuzz.mutations import KINDS, Mutation, drawn, mutated
from seamline.benchmarks.fuzz.seeds import SEEDS

ROOT = Path(__file__).parents[2]


def test_an_input_depends_on_its_number_alone():
    many = list(inputs(2026, 2000))
    assert many[:50] == list(inputs(2026, 50))
    assert many[:50] != list(inputs(2027, 50))
    assert {each.seed for each in many} == set(SEEDS)


def test_mutations_are_the_same_every_time_and_change_something():
    rng = random.Random(5)
    content = b'{"a": 12, "b": [3, 4.5], "c": "text"}\n' * 3
    for form in KINDS:
        made = [drawn(rng, form) for _ in range(60)]
        assert all(mutated(content, form, each) == mutated(content, form, each) for each in made)
        assert sum(mutated(content, form, each) != content for each in made) > 50


def test_a_field_of_a_safetensors_header_is_changed_and_the_length_fits():
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    content = struct.pack("<Q", len(header)) + header + b"\1\2\3\4"
    changed = mutated(content, "safetensors", Mutation("field", 0.5, 3, 1))
    (length,) = struct.unpack_from("<Q", changed)
    assert json.loads(changed[8 : 8 + length]) != json.loads(header)
    assert changed.endswith(b"\1\2\3\4")
    assert len(changed) == 8 + length + 4


def test_numbers_of_a_tiff_directory_are_changed_in_place(write_raster):
    content = write_raster("a.tif", np.ones((1, 8, 8), np.uint16)).read_bytes()
    places = set()
    for at in np.linspace(0, 0.999, 40):
        changed = mutated(content, "tiff", Mutation("entry", float(at), 1 << 8 | 7, 1))
        assert len(changed) == len(content)
        places |= {i for i, (a, b) in enumerate(zip(content, changed, strict=True)) if a != b}
    assert len(places) > 20


def test_pixels_differ_where_they_are_valid():
    values = np.arange(8, dtype=np.float32).reshape(1, 2, 4)
    valid = np.ones(values.shape, bool)
    valid[0, 0, 0] = False
    read = Pixels(values, valid, ())
    others = values.copy()
    others[0, 0, 0] = 99
    assert not read.differ(others)
    others[0, 1, 1] = 99
    assert read.differ(others)
    assert read.differ(values[:, :1])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are watched as Linux does it")
def test_some_inputs_break_no_law(tmp_path):
    numbers = [str(number) for number in range(22, 102)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fuzz", "--folder", tmp_path, "--only", *numbers],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"| all | {len(numbers)} | 0 | 0 | 0 | 0 | 0 | 0 |" in done.stdout
    assert list(tmp_path.iterdir()) == []
