"""Texts of strangers and values in messages are of bounded size."""

from __future__ import annotations

import functools
import json
import pickle

import pytest

from seamline.engine.errors import RequestError
from seamline.engine.optics.sensors import read_sensor
from seamline.engine.plain import read_json, read_yaml, shown
from seamline.training.reading import parsed, read_recipe


def laughs(depth):
    """A list that names itself: nine to the power of ``depth`` texts in a few hundred bytes."""
    return functools.reduce(
        lambda inner, i: f"&b{i} [{inner}" + f",*b{i - 1}" * 8 + "]", range(1, depth), "&b0 [x,x,x,x,x,x,x,x,x]"
    )


@pytest.mark.parametrize("key", ["name", "bits", "bands", "strange"])
def test_a_sensor_of_aliases_is_one_short_sentence(tmp_path, key):
    path = tmp_path / "s.yaml"
    path.write_text(f"{key}: {laughs(12)}\n")
    with pytest.raises(RequestError, match="aliases are not read") as refused:
        read_sensor(path)
    assert len(str(refused.value)) < 300


def test_a_recipe_of_aliases_is_one_short_sentence(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(f"system: yardstick\nname: {laughs(12)}\n")
    with pytest.raises(RequestError) as refused:
        read_recipe(path)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "text", ["2001-99-99", "!!int x", "[" * 5000, "\0", "? {}", "{[]: 1}", "a: b: c", "!!binary x"]
)
def test_what_is_no_yaml_is_said_in_a_line(text):
    with pytest.raises(ValueError) as refused:  # noqa: PT011, of any reason
        read_yaml(text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) <= 200
    assert parsed(text) == text


def test_no_key_is_read_twice(tmp_path):
    assert read_yaml('{a: {b: 1}, c: {b: 1}, 1: x, "1": y}') == {"a": {"b": 1}, "c": {"b": 1}, 1: "x", "1": "y"}
    with pytest.raises(ValueError, match="the key 'b' is there twice, line 2, column 3"):
        read_yaml("a: {b: 1,\n  b: 1}")
    with pytest.raises(ValueError, match="the key 'b' is there twice"):
        read_json('[{"b": 1, "b": 1}]')
    path = tmp_path / "s.json"
    path.write_text('{"name": "a", "name": "b"}')
    with pytest.raises(RequestError, match="the key 'name' is there twice"):
        read_sensor(path)


@pytest.mark.parametrize(
    "value",
    [1 << 20_000, "x" * 10**6, [[["x"] * 99] * 99] * 99, {i: i for i in range(9999)}],
    ids=["number", "text", "nested", "names"],
)
def test_a_value_is_shown_in_a_line(value):
    assert len(shown(value)) <= 100
    assert shown("WV3") == "'WV3'"


@pytest.mark.parametrize(
    "content", [{"name": 1e99}, {"name": "a", "bits": 1e99}, {"name": ["x" * 9999]}, {"k" * 9999: 1}]
)
def test_values_that_no_sensor_has_are_shown_in_short(tmp_path, content):
    path = tmp_path / "s.json"
    path.write_text(json.dumps(content))
    with pytest.raises(RequestError) as refused:
        read_sensor(path)
    assert len(str(refused.value)) < 300 + len(str(path))


def test_an_error_is_one_line_of_bounded_length_whatever_a_library_says():
    error = RequestError("x" * 10**6, where="first\nsecond\rthird", fix="y\n" * 10**5)
    assert len(str(error)) < 10**4
    assert len(str(error).splitlines()) == 1
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert error.where == "first second third"
