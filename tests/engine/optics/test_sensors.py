"""Sensors are found by any of their names, gains fit the image, and description files are read strictly."""

from __future__ import annotations

import json

import pytest

from seamline.engine.errors import RequestError
from seamline.engine.optics.sensors import SENSORS, UNKNOWN, find_sensor, read_sensor

DESCRIPTION = {
    "name": "Testsat",
    "pan_gsd": 0.7,
    "ms_gsd": 2.8,
    "bits": 12,
    "pan_gain": 0.12,
    "bands": [{"name": "Blue", "low": 450, "high": 520, "gain": 0.28}, {"name": "nir", "low": 770, "high": 890}],
}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("wv3", "WV3"),
        ("WorldView-3", "WV3"),
        ("worldview 3", "WV3"),
        ("GeoEye1", "GeoEye-1"),
        ("landsat_8", "Landsat-8"),
        ("Pléiades", "Pleiades"),
        ("QuickBird", "QB"),
        ("NONE", "none"),
        ("gaofen2", "GF2"),
    ],
)
def test_case_hyphens_and_aliases_do_not_matter(name, found):
    assert find_sensor(name) is SENSORS[found]


def test_no_name_means_two_sensors():
    names = ["".join(c for c in n.lower() if c.isalnum()) for s in SENSORS.values() for n in (s.name, *s.aliases)]
    own = [len({"".join(c for c in n.lower() if c.isalnum()) for n in (s.name, *s.aliases)}) for s in SENSORS.values()]
    assert len(set(names)) == sum(own)


@pytest.mark.parametrize(("name", "near"), [("wv33", "WV3"), ("sentinel", "Sentinel-2"), ("", "none")])
def test_an_unknown_name_is_refused_with_the_nearest(name, near):
    with pytest.raises(RequestError, match="there is no sensor") as error:
        find_sensor(name)
    assert near in error.value.fix


def test_bands_lie_where_light_is_and_gains_are_gains():
    for sensor in SENSORS.values():
        assert 0.0 < sensor.pan_gain < 1.0
        assert len({band.name for band in sensor.bands}) == len(sensor.bands)
        for band in sensor.bands:
            assert 300 < band.low < band.high < 2500
            assert 0.0 < band.gain < 1.0


def test_gains_are_those_of_the_specification():
    assert find_sensor("qb").gains(4) == (0.34, 0.32, 0.30, 0.22)
    assert find_sensor("ikonos").gains(4) == (0.26, 0.28, 0.29, 0.28)
    assert find_sensor("geoeye-1").gains(4) == (0.23,) * 4
    assert find_sensor("wv2").gains(8) == (0.35,) * 7 + (0.27,)
    assert find_sensor("wv3").gains(8) == (0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315)
    assert UNKNOWN.gains(5) == (0.30,) * 5
    pan = {name: find_sensor(name).pan_gain for name in ("qb", "ikonos", "geoeye1", "wv2", "wv3", "none")}
    assert pan == {"qb": 0.15, "ikonos": 0.17, "geoeye1": 0.16, "wv2": 0.11, "wv3": 0.14, "none": 0.15}


def test_four_bands_of_eight_are_blue_green_red_nir():
    assert find_sensor("wv3").gains(4) == (0.355, 0.360, 0.365, 0.335)


def test_names_of_bands_decide_before_their_number():
    assert find_sensor("wv3").gains(2, ["NIR2", " coastal"]) == (0.315, 0.325)
    assert find_sensor("qb").gains(4, ["a", "b", None, "d"]) == (0.34, 0.32, 0.30, 0.22)
    assert find_sensor("qb").gains(4, ["nir", "b", None, "d"]) == (0.34, 0.32, 0.30, 0.22)


def test_a_band_count_that_says_nothing_is_refused():
    with pytest.raises(RequestError, match="has 3 bands and WV3 has 8"):
        find_sensor("wv3").gains(3)
    assert find_sensor("landsat-8").gains(3) == (0.30,) * 3


@pytest.mark.parametrize("suffix", ["json", "yaml", "yml"])
def test_a_description_file_is_a_sensor(tmp_path, suffix):
    if suffix != "json":
        pytest.importorskip("yaml")
    path = tmp_path / f"sensor.{suffix}"
    path.write_text(json.dumps(DESCRIPTION))  # JSON is YAML
    sensor = find_sensor(str(path))
    assert (sensor.name, sensor.pan_gsd, sensor.ms_gsd, sensor.bits, sensor.pan_gain) == ("Testsat", 0.7, 2.8, 12, 0.12)
    assert [(b.name, b.low, b.high, b.gain) for b in sensor.bands] == [("blue", 450, 520, 0.28), ("nir", 770, 890, 0.3)]


def test_without_pyyaml_the_error_points_to_json(tmp_path, monkeypatch):
    path = tmp_path / "sensor.yaml"
    path.write_text("name: a")

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("seamline.engine.plain.import_module", missing)
    with pytest.raises(RequestError, match="as JSON"):
        read_sensor(path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"gain": 0.3}, "unknown key 'gain'"),
        ({"name": 3}, "its name is 3"),
        ({"bits": 11.5}, "not a whole number"),
        ({"bits": True}, "bits is True"),
        ({"bits": 10**400}, "give a number between 0 and 33"),
        ({"pan_gain": 1.0}, "pan_gain is 1.0"),
        ({"ms_gsd": -2}, "ms_gsd is -2"),
        ({"ms_gsd": float("nan")}, "ms_gsd is nan"),
        ({"bands": {"blue": 1}}, "bands is not a list"),
        ({"bands": [3]}, "band 1: it is not a mapping"),
        ({"bands": [{"name": "a", "low": 600, "high": 500}]}, "is not one"),
        ({"bands": [{"name": "a", "low": 400}]}, "400.0 to None is not one"),
        ({"bands": [{"name": "a", "low": 400, "high": 500}] * 2}, "two bands have one name"),
    ],
)
def test_a_wrong_description_is_one_sentence(tmp_path, change, sentence):
    path = tmp_path / "sensor.json"
    path.write_text(json.dumps({**DESCRIPTION, **change}))
    with pytest.raises(RequestError, match=r"sensor\.json") as error:
        read_sensor(path)
    assert sentence in str(error.value)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_description_is_refused(tmp_path, content):
    path = tmp_path / "sensor.json"
    path.write_bytes(content)
    with pytest.raises(RequestError):
        read_sensor(path)


def test_yaml_makes_no_objects(tmp_path):
    pytest.importorskip("yaml")
    path = tmp_path / "sensor.yaml"
    path.write_text("!!python/object/apply:os.getcwd []")
    with pytest.raises(RequestError, match="not YAML"):
        read_sensor(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(RequestError, match="cannot be read"):
        find_sensor(str(tmp_path / "none.json"))
