"""How the main input was seen: measured where a pair tells, by a sensor that is named, or assumed with a warning."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from seamline.engine.errors import InstrumentWarning
from seamline.engine.events import Silence
from seamline.engine.facts import UNMEASURED
from seamline.engine.ground.grids import Window
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.reading import InputReader
from seamline.engine.optics.imaging import Sharpening, SimulatedInstrument, delivered
from seamline.engine.optics.instrument import Instrument
from seamline.engine.optics.mtf import designed_gain, filter_gain
from seamline.engine.optics.sensors import find_sensor
from seamline.engine.plan.response import believed, response_of
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import plan_run, run
from seamline.models import registry

MEASURED = Instrument(
    gain=0.55,
    shift=(0.5, -1.0),
    band_shifts=(None, None, None),
    curve=tuple(0.55 ** ((f / 0.5) ** 2) for f in np.arange(0.025, 0.5, 0.05)),
    noise=(3.0, 4.0, 5.0),
    explained=0.9,
    cells=4096,
)


def scene(side: int, bands: int = 3) -> np.ndarray:
    rng = np.random.default_rng(3)
    down, across = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side), indexing="ij")
    shape = 1.0 / (np.hypot(down, across) + 0.01)
    planes = np.fft.ifft2(np.fft.fft2(rng.standard_normal((bands + 1, side, side))) * shape).real
    planes = planes / planes.std(axis=(1, 2), keepdims=True)
    return (0.4 + 0.07 * (planes[:1] + 0.3 * planes[1:])).clip(0.02, None).astype(np.float32)


def simulated(gain: float = 0.5, shift=(0.7, -0.4), sharpening: float = 0.0) -> SimulatedInstrument:
    return SimulatedInstrument(
        4.0, (gain,) * 3, Sharpening(sharpening, 0.8), 1.0, Sharpening(), (shift,) * 3, 60.0, 60.0, 0.0, 0.0
    )


@pytest.fixture
def pair(write_raster):
    """A function that writes a pair as an instrument delivers it: paths of MS and PAN, and the truth, DN."""

    def make(instrument=None, side=320):
        truth = scene(side)
        pan, ms = delivered(
            truth, truth.mean(axis=0, keepdims=True), instrument or simulated(), np.random.default_rng(0)
        )
        fine, coarse = (from_origin(500000, 5000000, size, size) for size in (1, 4))
        paths = (
            write_raster(name, np.rint(10000 * image).astype(np.uint16), transform=transform)
            for name, image, transform in (("ms.tif", ms, coarse), ("pan.tif", pan, fine))
        )
        return *map(str, paths), 10000 * truth

    return make


def planned(ms, pan, model="gsa", **options):
    return plan_run(
        Request(inputs={"ms": ms, "pan": pan}, out="x.tif", **options), registry.resolve(model, "pansharpen")
    )[0]


def test_a_pair_is_measured_and_the_plan_says_so(pair):
    ms, pan, _ = pair()
    plan = planned(ms, pan)
    assert plan.response.gain == pytest.approx(0.5, rel=0.08)
    assert plan.response.lift == pytest.approx(0.5**0.36, abs=0.06)
    assert len(plan.response.noise) == 3
    assert np.subtract(plan.instrument.shift, (0.7, -0.4)) == pytest.approx((0.0, 0.0), abs=0.08)
    (part,) = plan.scene.parts
    assert part.lies == pytest.approx([shift / 4 for shift in plan.instrument.shift])


def test_a_named_sensor_is_taken_at_its_word(pair):
    ms, pan, _ = pair()
    plan = planned(ms, pan, sensor="none", consistency="mtf")
    assert plan.instrument is None
    assert plan.scene.parts[0].lies == (0.0, 0.0)
    assert plan.response.gain == pytest.approx(designed_gain(0.3))
    assert plan.gains == (0.3,) * 3


def test_what_was_measured_decides_the_pixels_and_so_the_identity(pair):
    ms, pan, _ = pair()
    one, two = planned(ms, pan), planned(ms, pan, sensor="none")
    assert one.identity == planned(ms, pan).identity != two.identity


def test_consistency_looks_through_the_measured_response(pair):
    ms, pan, _ = pair()
    plan = planned(ms, pan, consistency="mtf")
    assert plan.gains == (filter_gain(plan.response.gain),) * 3
    (sight,) = plan.sights
    assert sight.rows.shift == pytest.approx(plan.scene.parts[0].lies[0])


def test_pixels_come_from_where_they_lie_and_no_rim_is_lost(pair, tmp_path):
    ms, pan, truth = pair(simulated(shift=(1.5, -1.2)))
    errors, sizes = {}, {}
    for sensor in (None, "none"):
        out = tmp_path / f"{sensor}.tif"
        run(Request(inputs={"ms": ms, "pan": pan}, out=str(out), sensor=sensor), registry.resolve("gsa", "pansharpen"))
        with rasterio.open(out) as file:
            fused = file.read().astype(np.float64)
            assert file.read_masks(1).all()
        errors[sensor], sizes[sensor] = np.abs(fused - truth)[:, 16:-16, 16:-16].mean(), fused.shape
    assert errors[None] < 0.8 * errors["none"]
    assert sizes[None] == sizes["none"] == truth.shape


def test_validity_stays_where_the_georeference_has_it(write_raster):
    values = np.arange(1.0, 401.0, dtype=np.float32).reshape(1, 20, 20)
    values[0, 4, 7] = np.nan
    path = write_raster("ms.tif", values, transform=from_origin(500000, 5000000, 4, 4))
    plain = describe("ms", str(path), policy=OpenPolicy())
    laid = replace(plain, parts=tuple(replace(part, lies=(0.25, -0.5)) for part in plain.parts))
    fine = plain.grid.zoom_to((80, 80))
    window = Window(0, 0, 80, 80)
    found = []
    for each in (plain, laid):
        reader = InputReader(each, fine, "cubic", OpenPolicy())
        found.append(reader.patch(reader.strip(window), window))
        reader.close()
    assert np.array_equal(found[0].valid, found[1].valid)
    # A ramp of 1 along columns and 20 along rows, read a quarter of a cell further down and half of one to the left.
    moved = (found[1].values - found[0].values)[0, 40:60, 40:60]
    assert moved == pytest.approx(np.full((20, 20), 20 * 0.25 - 0.5), abs=1e-3)


@pytest.mark.parametrize(
    ("instrument", "says"),
    [
        (None, "cannot be measured"),
        (replace(MEASURED, gain=0.1), "implausible"),
        (replace(MEASURED, shift=(0.0, 4.5)), "implausible"),
    ],
)
def test_what_is_implausible_is_not_believed(pair, instrument, says):
    ms, pan, _ = pair()
    fine, main = (describe(name, path, policy=OpenPolicy()) for name, path in (("pan", pan), ("ms", ms)))
    with pytest.warns(InstrumentWarning, match=says) as caught:
        assert believed(instrument, fine, main, (4.0, 4.0)) is None
    assert f"{UNMEASURED.gain:g}" in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert believed(MEASURED, fine, main, (4.0, 4.0)) is MEASURED


def test_flat_inputs_run_with_a_warning(write_raster, tmp_path):
    flat = np.full((3, 40, 40), 500, np.uint16)
    ms = write_raster("ms.tif", flat, transform=from_origin(500000, 5000000, 4, 4))
    pan = write_raster("pan.tif", np.full((1, 160, 160), 700, np.uint16), transform=from_origin(500000, 5000000, 1, 1))
    request = Request(inputs={"ms": str(ms), "pan": str(pan)}, out=str(tmp_path / "o.tif"))
    heard = []

    class Listener(Silence):
        def emit(self, event, **fields):
            heard.append(fields.get("kind"))

    facts = run(request, registry.resolve("gsa", "pansharpen"), listener=Listener()).facts
    assert "InstrumentWarning" in heard
    assert facts["instrument"] is None
    with rasterio.open(tmp_path / "o.tif") as file:
        assert (file.read() == 500).all()


def test_a_sharpened_product_has_no_default_consistency_and_keeps_what_is_asked_for(pair):
    ms, pan, _ = pair(simulated(gain=0.6, sharpening=0.9))
    plan = planned(ms, pan)
    assert plan.instrument.sharpened
    assert plan.response.lift > 1.05
    assert planned(ms, pan, consistency="mtf").consistency == "mtf"


def test_response_of_what_is_known():
    main = describe_three()
    assert response_of(main, None, None) is None
    measured = response_of(main, None, MEASURED)
    assert (measured.gain, measured.noise) == (0.55, (3.0, 4.0, 5.0))
    assert measured.lift == pytest.approx(0.55**0.36, abs=0.01)
    assert response_of(main, None, replace(MEASURED, curve=())).lift == pytest.approx(0.55**0.36, abs=1e-3)
    named = response_of(main, find_sensor("none"), None)
    assert filter_gain(named.gain) == pytest.approx(0.3)


def describe_three():
    """A scene of three bands that no file is read of."""
    from types import SimpleNamespace

    return SimpleNamespace(bands=[SimpleNamespace(name="")] * 3)
