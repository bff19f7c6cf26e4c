"""How the main input was seen: as measured on the scene, as a named sensor's table says, or as assumed."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from ..errors import InstrumentWarning
from ..facts import LIFT_AT, UNMEASURED, Response
from ..inputs.scene import Scene
from ..optics.instrument import RINGS, Instrument
from ..optics.mtf import designed_gain
from ..optics.sensors import Sensor, find_sensor

Shift = tuple[float, float]

_PLAUSIBLE_GAINS = (0.11, 0.87)
_MOST_SHIFT_CELLS = 1.0


def response_of(scene: Scene, sensor: Sensor | None, instrument: Instrument | None) -> Response | None:
    """How the main input was seen; None where nothing is known.

    Args:
        sensor: that the user named: its table is used as it stands.
        instrument: as measured, where no sensor was named.
    """
    if sensor is not None:
        gain = designed_gain(float(np.mean(sensor.gains(len(scene.bands), [band.name for band in scene.bands]))))
        return Response.gaussian(gain)
    if instrument is None:
        return None
    if not instrument.curve:
        return Response.gaussian(instrument.gain, instrument.noise)
    lift = float(np.interp(LIFT_AT, RINGS, instrument.curve))
    return Response(instrument.gain, round(lift, 3), instrument.noise)


def delivered_sensor(scene: Scene) -> Sensor | None:
    """The sensor of the product that a scene was delivered as, where a gain is published for each of its bands."""
    if scene.delivery is None or scene.delivery.sensor is None:
        return None
    sensor = find_sensor(scene.delivery.sensor)
    names = {band.name for band in sensor.bands}
    told = all(band.name.lower() in names for band in scene.bands)
    return sensor if told and sensor.is_published else None


def believed(
    instrument: Instrument | None, fine: Scene, main: Scene, per_cell: Shift, *, apart: bool = False
) -> Instrument | None:
    """What was measured, where it is plausible; else None, with a warning that says what is used instead.

    Args:
        per_cell: px of the fine input per px of the main one, along (row, column).
        apart: whether the main input is known to lie farther away than an instrument moves it, and was left there; then
            it is left there here too, and seen as measured.
    """
    if apart and instrument is not None:
        instrument = replace(instrument, shift=(0.0, 0.0))
    reason = doubt(instrument, per_cell)
    if reason is None:
        return instrument
    warnings.warn(
        InstrumentWarning(
            f"{main.source}: how it was seen against {fine.source} {reason}; a gain of {UNMEASURED.gain:g} at its "
            "Nyquist frequency stands in, and its georeference is taken at its word; --sensor names another"
        ),
        stacklevel=3,
    )
    return None


def doubt(instrument: Instrument | None, per_cell: Shift) -> str | None:
    """Why a measurement is not used; None where it is."""
    if instrument is None:
        return "cannot be measured (a small, flat, saturated or masked scene, or other ground)"
    if not _PLAUSIBLE_GAINS[0] <= instrument.gain <= _PLAUSIBLE_GAINS[1]:
        return f"is implausible (a gain of {instrument.gain:.2f})"
    if max(abs(s) / p for s, p in zip(instrument.shift, per_cell, strict=True)) > _MOST_SHIFT_CELLS:
        return (
            f"is implausible (shifted by {instrument.shift[0]:.1f} rows and {instrument.shift[1]:.1f} columns of PAN)"
        )
    return None
