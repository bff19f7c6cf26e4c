"""Sensors by name: pixel sizes, bit depth, bands, and the gains of their modulation transfer functions.

The gains shape every filter that imitates a coarser instrument, so each one is either published, with its source in
the comment above it, or that of the unknown sensor.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ..errors import RequestError
from ..plain import read_json, read_yaml, shown
from .mtf import MS_GAINS, PAN_GAINS, UNKNOWN_GAIN, UNKNOWN_PAN_GAIN

_LARGEST_FILE = 1 << 20
_FOUR = ("blue", "green", "red", "nir1")


@dataclass(frozen=True, slots=True)
class SensorBand:
    """One MS band.

    Attributes:
        name: lower case.
        low, high: wavelength range, nm.
        gain: of the modulation transfer function at the band's own Nyquist frequency, 0 < gain < 1.
    """

    name: str
    low: float
    high: float
    gain: float = UNKNOWN_GAIN


@dataclass(frozen=True, slots=True)
class Sensor:
    """What a metric or a degradation needs to know of an instrument.

    Attributes:
        name: as reports print it.
        pan_gsd: PAN pixel size, m; None without a PAN band.
        ms_gsd: MS pixel size, m; None if unknown.
        bits: radiometric depth of the stored values; None if unknown.
        bands: MS bands in the order of the product; empty if unknown.
        pan_gain: of PAN at the MS Nyquist frequency.
        aliases: other names.
    """

    name: str
    pan_gsd: float | None = None
    ms_gsd: float | None = None
    bits: int | None = None
    bands: tuple[SensorBand, ...] = ()
    pan_gain: float = UNKNOWN_PAN_GAIN
    aliases: tuple[str, ...] = ()

    @property
    def is_published(self) -> bool:
        """Whether its gains are known, and not those of any sensor."""
        return any(band.gain != UNKNOWN_GAIN for band in self.bands)

    def gains(self, count: int, names: Sequence[str | None] = ()) -> tuple[float, ...]:
        """MTF gain of each band of an image.

        Args:
            count: bands of the image.
            names: their names, where the file knows them; used if all of them are bands of the sensor.

        Returns:
            (count,): by name; else in the sensor's order; else, for four bands of an eight-band sensor, those of its
            blue, green, red and first near infrared.

        Raises:
            RequestError: the image has another number of bands, and no names that tell which.
        """
        table = {band.name: band.gain for band in self.bands}
        known = [table.get((name or "").strip().lower()) for name in names]
        by_name = tuple(gain for gain in known if gain is not None)
        if len(by_name) == count:
            return by_name
        if not table:
            return (UNKNOWN_GAIN,) * count
        if count == len(table):
            return tuple(table.values())
        if count == 4 and all(name in table for name in _FOUR):
            return tuple(table[name] for name in _FOUR)
        if len(set(table.values())) == 1:
            return (self.bands[0].gain,) * count
        raise RequestError(
            f"the image has {count} bands and {self.name} has {len(table)} with gains of their own",
            where="--sensor",
            fix=f"name the bands of the file ({', '.join(table)}) or pass --sensor none",
        )


def _bands(gains: Sequence[float] | None, **ranges: tuple[float, float]) -> tuple[SensorBand, ...]:
    each = gains or (UNKNOWN_GAIN,) * len(ranges)
    return tuple(SensorBand(n, *r, g) for (n, r), g in zip(ranges.items(), each, strict=True))


_WORLDVIEW = {
    "coastal": (400.0, 450.0),
    "blue": (450.0, 510.0),
    "green": (510.0, 580.0),
    "yellow": (585.0, 625.0),
    "red": (630.0, 690.0),
    "rededge": (705.0, 745.0),
    "nir1": (770.0, 895.0),
    "nir2": (860.0, 1040.0),
}
_GEOEYE = {"blue": (450.0, 510.0), "green": (510.0, 580.0), "red": (655.0, 690.0), "nir": (780.0, 920.0)}
_OLI = {
    "coastal": (435.0, 451.0),
    "blue": (452.0, 512.0),
    "green": (533.0, 590.0),
    "red": (636.0, 673.0),
    "nir": (851.0, 879.0),
    "swir1": (1566.0, 1651.0),
    "swir2": (2107.0, 2294.0),
}
_MSI = {
    "b01": (433.0, 453.0),
    "b02": (458.0, 523.0),
    "b03": (543.0, 578.0),
    "b04": (650.0, 680.0),
    "b05": (698.0, 713.0),
    "b06": (733.0, 748.0),
    "b07": (773.0, 793.0),
    "b08": (785.0, 900.0),
    "b8a": (855.0, 875.0),
    "b09": (935.0, 955.0),
    "b11": (1565.0, 1655.0),
    "b12": (2100.0, 2280.0),
}
_GF2 = {"blue": (450.0, 520.0), "green": (520.0, 590.0), "red": (630.0, 690.0), "nir": (770.0, 890.0)}
_QB = {"blue": (450.0, 520.0), "green": (520.0, 600.0), "red": (630.0, 690.0), "nir": (760.0, 900.0)}
_IKONOS = {"blue": (445.0, 516.0), "green": (506.0, 595.0), "red": (632.0, 698.0), "nir": (757.0, 853.0)}
_PLEIADES = {"blue": (430.0, 550.0), "green": (500.0, 620.0), "red": (590.0, 710.0), "nir": (740.0, 940.0)}
_SPOT = {"blue": (450.0, 520.0), "green": (530.0, 590.0), "red": (625.0, 695.0), "nir": (760.0, 890.0)}
_DOVE = {"blue": (455.0, 515.0), "green": (500.0, 590.0), "red": (590.0, 670.0), "nir": (780.0, 860.0)}

UNKNOWN = Sensor("none", aliases=("unknown",))
"""Gains of .30 for any MS band and .15 for PAN, as the toolbox of Vivone et al. has it."""

# "Toolbox" below is that of Vivone et al., "A new benchmark based on recent advances in multispectral pansharpening",
# GRSM 2021.  "Not published here": no value that this project could check, so the unknown sensor's .30 and .15 stand.
SENSORS: Mapping[str, Sensor] = MappingProxyType(
    {
        sensor.name: sensor
        for sensor in (
            UNKNOWN,
            # Gains: not published here (the toolbox treats it as unknown).
            Sensor("GF2", 0.8, 3.2, 10, _bands(None, **_GF2), aliases=("gaofen-2",)),
            # Gains: toolbox.
            Sensor("QB", 0.61, 2.44, 11, _bands(MS_GAINS["quickbird"], **_QB), PAN_GAINS["quickbird"], ("quickbird",)),
            # Gains: toolbox.
            Sensor("WV2", 0.46, 1.84, 11, _bands(MS_GAINS["wv2"], **_WORLDVIEW), PAN_GAINS["wv2"], ("worldview-2",)),
            # Gains: toolbox.
            Sensor("WV3", 0.31, 1.24, 11, _bands(MS_GAINS["wv3"], **_WORLDVIEW), PAN_GAINS["wv3"], ("worldview-3",)),
            # Gains: the toolbox gives it those of GeoEye-1.
            Sensor(
                "WV4", 0.31, 1.24, 11, _bands(MS_GAINS["geoeye1"], **_GEOEYE), PAN_GAINS["geoeye1"], ("worldview-4",)
            ),
            # Gains: toolbox.
            Sensor("IKONOS", 0.82, 3.28, 11, _bands(MS_GAINS["ikonos"], **_IKONOS), PAN_GAINS["ikonos"]),
            # Gains: toolbox.
            Sensor("GeoEye-1", 0.41, 1.65, 11, _bands(MS_GAINS["geoeye1"], **_GEOEYE), PAN_GAINS["geoeye1"], ("ge1",)),
            # Gains: not published here.  16 bits stored of 12 measured.
            Sensor("Landsat-8", 15.0, 30.0, 16, _bands(None, **_OLI), aliases=("l8", "oli")),
            # Gains: not published here.  16 bits stored of 14 measured.
            Sensor("Landsat-9", 15.0, 30.0, 16, _bands(None, **_OLI), aliases=("l9", "oli-2")),
            # Gains: Lanaras et al., "Super-resolution of multispectral multiresolution images from a single sensor"
            # (EarthVision 2017), at each band's own Nyquist frequency.  The 10 m bands stand in for PAN; 16 bits
            # stored of 12 measured.
            Sensor(
                "Sentinel-2",
                None,
                20.0,
                16,
                _bands((0.32, 0.26, 0.28, 0.24, 0.38, 0.34, 0.34, 0.26, 0.33, 0.26, 0.22, 0.23), **_MSI),
                aliases=("s2", "s2a", "s2b", "msi"),
            ),
            # Gains: not published here.  Product pixel sizes.
            Sensor("Pleiades", 0.5, 2.0, 12, _bands(None, **_PLEIADES), aliases=("pléiades", "phr", "phr1a", "phr1b")),
            # Gains: not published here.  SPOT 6 and 7.
            Sensor("SPOT", 1.5, 6.0, 12, _bands(None, **_SPOT), aliases=("spot6", "spot7")),
            # Gains: not published here.  Four-band Dove; other generations differ by tens of nm.
            Sensor("PlanetScope", None, 3.0, 16, _bands(None, **_DOVE), aliases=("planetscope-like", "dove", "ps2")),
        )
    }
)
"""Every sensor known by name."""


def find_sensor(name: str) -> Sensor:
    """A sensor by name, alias (case, blanks and hyphens do not matter) or description file.

    Args:
        name: of a sensor in ``SENSORS``, or the path of a ``.json``, ``.yaml`` or ``.yml`` file.

    Raises:
        RequestError: there is none of that name, or the file is not a description.
    """
    if name.lower().endswith((".json", ".yaml", ".yml")):
        return read_sensor(Path(name))
    table = {_plain(alias): s for s in SENSORS.values() for alias in (s.name, *s.aliases)}
    if _plain(name) in table:
        return table[_plain(name)]
    near = difflib.get_close_matches(_plain(name), table, n=1, cutoff=0.0)
    raise RequestError(
        f"there is no sensor {name!r}",
        where="--sensor",
        fix=f"did you mean {table[near[0]].name}? Known: {', '.join(SENSORS)}; "
        "describe others in a .json or .yaml file",
    )


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def read_sensor(path: Path) -> Sensor:
    """A sensor from a description file, JSON or (where PyYAML is installed) YAML.

    Keys: ``name``; ``pan_gsd`` and ``ms_gsd`` in m; ``bits``; ``pan_gain``; ``bands``, a list of ``name``, ``low`` and
    ``high`` in nm, ``gain``.  All but ``name`` may be left out of the sensor, and ``gain`` out of a band.

    Raises:
        RequestError: the file cannot be read, or a key or value is not one of these.
    """
    where = str(path)
    content = _load(path)
    _check_keys(content, {"name", "pan_gsd", "ms_gsd", "bits", "pan_gain", "bands"}, where)
    rows = content.get("bands", [])
    if not isinstance(rows, list):
        raise RequestError("bands is not a list", where=where, fix="give a list of bands with name, low and high")
    bands = tuple(_band(row, f"{where}, band {i}") for i, row in enumerate(rows, 1))
    if len({band.name for band in bands}) < len(bands):
        raise RequestError("two bands have one name", where=where, fix="give every band its own name")
    bits = _number(content, "bits", where, 33.0)
    if bits is not None and bits != int(bits):
        raise RequestError(f"bits is {bits}, not a whole number", where=where, fix="give 8, 11, 12 or 16")
    pan_gain = _number(content, "pan_gain", where, 1.0)
    return Sensor(
        _text(content, where),
        _number(content, "pan_gsd", where, 1e6),
        _number(content, "ms_gsd", where, 1e6),
        None if bits is None else int(bits),
        bands,
        UNKNOWN_PAN_GAIN if pan_gain is None else pan_gain,
    )


def _band(row: object, where: str) -> SensorBand:
    if not isinstance(row, dict):
        raise RequestError("it is not a mapping", where=where, fix="give name, low, high and gain")
    _check_keys(row, {"name", "low", "high", "gain"}, where)
    low, high = _number(row, "low", where, 1e6), _number(row, "high", where, 1e6)
    if low is None or high is None or low >= high:
        raise RequestError(
            f"its range {low} to {high} is not one", where=where, fix="give low and high in nm, the smaller one first"
        )
    gain = _number(row, "gain", where, 1.0)
    return SensorBand(_text(row, where).lower(), low, high, UNKNOWN_GAIN if gain is None else gain)


def _load(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise RequestError("it is larger than 1 MiB", where=str(path), fix="give a sensor description")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"it cannot be read ({error})", where=str(path), fix="check the path") from error
    content: object
    if path.suffix.lower() == ".json":
        try:
            content = read_json(text)
        except ValueError as error:
            raise RequestError(f"it is not JSON ({error})", where=str(path), fix="correct it") from error
    else:
        content = _yaml(text, path)
    if not isinstance(content, dict):
        raise RequestError("it is not a mapping", where=str(path), fix="give name, bands and the other keys")
    return content


def _yaml(text: str, path: Path) -> object:
    try:
        content: object = read_yaml(text)
    except ImportError as error:
        raise RequestError(
            "reading YAML needs PyYAML, which is not installed", where=str(path), fix="write the description as JSON"
        ) from error
    except ValueError as error:
        raise RequestError(f"it is not YAML ({error})", where=str(path), fix="correct it") from error
    return content


def _check_keys(content: Mapping[str, object], known: set[str], where: str) -> None:
    strange = sorted(str(key) for key in content if key not in known)
    if strange:
        raise RequestError(f"unknown key {shown(strange[0])}", where=where, fix=f"keys are {', '.join(sorted(known))}")


def _text(content: Mapping[str, object], where: str) -> str:
    name = content.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > 100:
        raise RequestError(f"its name is {shown(name)}", where=where, fix="give a name of up to 100 characters")
    return name.strip()


def _number(content: Mapping[str, object], key: str, where: str, below: float) -> float | None:
    """The value of a key, if it is there: above 0 and under a bound."""
    value = content.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < below:
        raise RequestError(f"{key} is {shown(value)}", where=where, fix=f"give a number between 0 and {below:g}")
    return float(value)
