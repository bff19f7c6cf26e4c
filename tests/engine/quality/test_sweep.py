"""Sweeps: which points, in which order, at what cost, and which of them no other betters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seamline.engine.errors import Cancelled, RequestError
from seamline.engine.events import Cancel
from seamline.engine.quality.cost import Cost
from seamline.engine.quality.evaluation import Evaluation
from seamline.engine.quality.known_truth import DrawnBench, KnownTruth
from seamline.engine.quality.protocol import Protocol, evaluate_model, reduced_bench
from seamline.engine.quality.sweep import MOST_POINTS, Axis, Point, combinations, front, fronts, shortfall, sweep
from seamline.engine.request import Request
from seamline.models import registry

ALL = frozenset({"steps", "guidance"})
BARE = Request(inputs={}, out="")
Pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12)


class Told:
    """A bench that runs nothing and remembers what it was asked."""

    def __init__(self, cancel_after=None, refuse=None):
        self.asked, self.checked, self.after, self.refuse = [], [], cancel_after, refuse

    def check(self, request, cancel):
        if request.tile == self.refuse:
            raise RequestError("no such tile")
        self.checked.append((request.steps, request.tile))
        return 1000 + request.tile

    def measure(self, request, listener, cancel):
        cancel.check()
        self.asked.append((request.steps, request.tile))
        if len(self.asked) == self.after:
            cancel.set()
        listener.emit("warning", what="one and the same", kind="LeftOutWarning")
        listener.emit("progress", done=1, total=1, eta_s=0)
        # The machine is slower at every run.
        return Evaluation({"Q2n": 1 - 1 / request.steps}, 5, None, Cost(2.0 * len(self.asked), 3.0, 500_000))


class Heard:
    def __init__(self):
        self.events = []

    def emit(self, event, **fields):
        self.events.append((event, fields))

    def of(self, name):
        return [fields for event, fields in self.events if event == name]


def points_of(axes, bench, **more):
    settings = combinations(axes, BARE, ALL)
    return settings, list(sweep(settings, BARE, bench, **more))


def test_points_are_every_combination_and_rounds_follow_one_another():
    bench, heard = Told(), Heard()
    axes = [Axis("steps", (1, 2)), Axis("tile", (64, 128, 256))]
    settings, found = points_of(axes, bench, repeats=3, listener=heard)
    order = [(steps, tile) for steps in (1, 2) for tile in (64, 128, 256)]
    assert [(each["steps"], each["tile"]) for each in settings] == order
    assert bench.checked == order
    assert bench.asked == [order[0], *order * 3], "a run that does not count, then round after round"
    assert [number for number, _ in found] == list(range(6)) * 3
    assert [len(points) for _, points in found] == [1, 2, 3, 4, 5, *[6] * 13]
    assert [len(each.costs) for each in found[-1][1]] == [3] * 6
    # Of runs 2, 8 and 14, in s for half a megapixel: the median, per megapixel.
    assert found[-1][1][0].cost == {"processor_s": 2.0 * 8 / 0.5, "wall_s": 6.0, "memory_bytes": 1064}
    assert [fields["done"] for fields in heard.of("progress")] == list(range(1, 20))
    assert [fields["what"] for fields in heard.of("warning")] == ["one and the same"]


def test_what_cannot_be_run_is_refused_before_the_first_run():
    bench = Told(refuse=128)
    with pytest.raises(RequestError, match="no such tile"):
        points_of([Axis("steps", (1, 2)), Axis("tile", (64, 128))], bench)
    assert bench.asked == []


def test_a_cancelled_sweep_has_handed_out_what_it_measured():
    bench, cancel, found = Told(cancel_after=3), Cancel(), []
    settings = combinations([Axis("steps", (1, 2, 4)), Axis("tile", (64,))], BARE, ALL)
    with pytest.raises(Cancelled):
        found.extend(points for _, points in sweep(settings, BARE, bench, cancel=cancel))
    assert [point.settings["steps"] for point in found[-1]] == [1, 2]


REFUSED = {
    "unknown": ([Axis("colour", (1, 2))], "colour is no option that can be swept; choose of steps, tile"),
    "of no request": ([Axis("inputs", (1, 2))], "inputs is no option that can be swept"),
    "one point": ([Axis("tile", (64,))], r"1 point\(s\) are not 2 to 64; name more values"),
    "many": ([Axis("tile", tuple(range(8, 73))), Axis("steps", (1,))], r"65 point\(s\) .*fewer values"),
    "twice": ([Axis("tile", (64, 64.0))], "a value of tile is named twice"),
    "two axes of one": ([Axis("tile", (64,)), Axis("tile", (128,))], "tile is given twice"),
    "no number of steps": ([Axis("steps", (0, 1))], "--steps: 0 is not a positive number"),
    "half a tile": ([Axis("tile", (64, 0.5))], "--tile: 0.5 is not a whole number"),
}


@pytest.mark.parametrize(("axes", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_sweep_is_one_sentence(axes, sentence):
    with pytest.raises(RequestError, match=sentence):
        combinations(axes, BARE, ALL)


def test_an_option_is_swept_or_given_and_of_the_model():
    with pytest.raises(RequestError, match="tile is given twice"):
        combinations([Axis("tile", (64, 128))], Request(inputs={}, out="", tile=64), ALL)
    for option in ("steps", "guidance"):
        with pytest.raises(RequestError, match=f"the model takes no {option}"):
            combinations([Axis(option, (1, 2))], BARE, frozenset())
    assert len(combinations([Axis("tile", tuple(range(1, MOST_POINTS + 1)))], BARE, frozenset())) == MOST_POINTS


@given(Pairs)
def test_the_front_holds_what_no_other_betters(pairs):
    found = front(pairs)
    better = [[o for o in pairs if o != own and o[0] <= own[0] and o[1] <= own[1]] for own in pairs]
    assert found == [number for number, others in enumerate(better) if not others]
    assert min(pairs) in [pairs[number] for number in found]
    # Whatever is not on it is bettered by a point that is.
    for number, others in enumerate(better):
        assert number in found or any(pairs[place] in others for place in found)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("Q2n", 0.9, 0.8),
        ("SAM", 1.0, 2.0),
        ("PSNR", float("inf"), 40.0),
        ("SSIMULACRA2", 90.0, -20.0),
        ("SAM_as_released", 1.0, 2.0),
        ("LPIPS", 0.1, 0.2),
        ("MUSIQ", 70.0, 50.0),
    ],
)
def test_metrics_know_which_way_is_better(name, good, bad):
    assert shortfall(name, good) < shortfall(name, bad)


def test_what_differs_by_rounding_alone_is_no_better():
    qualities, seconds = (0.98242, 0.98242 + 1e-7, 0.98263), (2.0, 3.0, 4.0)
    points = [
        Point({"tile": 8}, 1, Evaluation({"Q2n": quality}, 1, None), (Cost(cost, cost, 1000),))
        for quality, cost in zip(qualities, seconds, strict=True)
    ]
    assert fronts(points)["Q2n"]["processor_s"] == [0, 2]


def test_what_has_no_best_has_no_front():
    metrics = {"Q2n": 0.5, "lattice": 1.1}
    points = [Point({"tile": 8 * k}, 100 * k, Evaluation(metrics, 1, None), (Cost(k, k, 1000),)) for k in (1, 2)]
    assert fronts(points) == {"Q2n": {cost: [0] for cost in ("processor_s", "wall_s", "memory_bytes")}}
    few = [*points, Point({"tile": 24}, 1, Evaluation({"SAM": 1.0}, 1, None), (Cost(1, 1, 1000),))]
    assert fronts(few) == {}, "a metric that one point lacks compares nothing"


@pytest.fixture
def source():
    return registry.resolve("mtf-glp-fs", "pansharpen")


@pytest.mark.filterwarnings("ignore::seamline.engine.errors.SeamlineWarning")
def test_a_point_is_what_the_protocol_measures_by_itself(small_pair, source):
    ms, pan = map(str, small_pair)
    protocol = Protocol(ms, pan)
    settings = combinations([Axis("tile", (128, 256))], BARE, source.spec.options)
    with reduced_bench(protocol, source, BARE.policy, Cancel()) as bench:
        *_, (_, points) = sweep(settings, BARE, bench)
    for point in points:
        alone = evaluate_model(protocol, source, Request(inputs={}, out="", tile=point.settings["tile"]))
        assert point.evaluation.metrics == alone.metrics
        assert point.memory_bytes > 0
        assert point.cost["processor_s"] > 0
        # MS cells that PAN covers: the pixels of the reduced output.
        assert [cost.pixels for cost in point.costs] == [20 * 24]


@pytest.mark.filterwarnings("ignore::seamline.engine.errors.SeamlineWarning")
def test_drawn_pairs_are_swept_too(write_raster, source):
    truth = write_raster("truth.tif", textured())
    settings = combinations([Axis("tile", (128, 256))], BARE, source.spec.options)
    bench = DrawnBench(KnownTruth(str(truth), draws=2), source)
    *_, (_, points) = sweep(settings, BARE, bench)
    assert [[cost.pixels for cost in point.costs] for point in points] == [[2 * 128 * 128]] * 2
    assert points[0].evaluation.metrics["Q2n"] == pytest.approx(points[1].evaluation.metrics["Q2n"], abs=1e-3)


@pytest.mark.filterwarnings("ignore::seamline.engine.errors.SeamlineWarning")
def test_a_tile_that_the_model_does_not_take_is_refused_with_the_pair(small_pair):
    source = registry.resolve("salad-pan-tiny", "pansharpen")
    ms, pan = map(str, small_pair)
    settings = combinations([Axis("tile", (256, 100))], BARE, source.spec.options)
    heard = Heard()
    with (
        reduced_bench(Protocol(ms, pan), source, BARE.policy, Cancel()) as bench,
        pytest.raises(RequestError, match="a tile of 100 px does not fit"),
    ):
        list(sweep(settings, BARE, bench, listener=heard))
    assert heard.of("progress") == []


def textured():
    """Three bands of 128 px that are not alike."""
    rng = np.random.default_rng(4)
    rows, columns = np.mgrid[:128, :128]
    ground = 900 + 300 * np.sin(rows / 6) * np.cos(columns / 9) + 40 * rng.standard_normal((128, 128))
    return np.stack([ground * k + 60 * rng.standard_normal((128, 128)) for k in (0.6, 0.8, 1.1)]).astype(np.uint16)
