"""Errors and warnings: each says what is wrong, where, and what to do.

The exit code of the command line belongs to the error's class, so that every door (command line,
QGIS, Python) reports one failure in one way.
"""

from __future__ import annotations


class SeamlineError(Exception):
    """Something went wrong and nothing was lost.

    Args:
        what: one sentence without a full stop that names the thing and its value.
        where: the file, band, tile or option concerned.
        fix: what the user can do, in the imperative.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = _line(what), _line(where), _line(fix)
        sentence = f"{self.where}: {self.what}" if where else self.what
        super().__init__(f"{sentence}; {self.fix}" if fix else sentence)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.fix)


_LONGEST = 2000


def _line(text: str) -> str:
    """A text as one line of bounded length, whatever a library or a file has put into it."""
    line = " ".join(text.splitlines()) if len(text.splitlines()) > 1 else text
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _rebuild(kind: type[SeamlineError], what: str, where: str, fix: str) -> SeamlineError:
    return kind(what, where=where, fix=fix)


class RunError(SeamlineError):
    """The run failed while it was working (exit code 1)."""


class RequestError(SeamlineError, ValueError):
    """The request is wrong: an option, an input, a model, or a resume under another identity (exit code 2)."""

    exit_code = 2


class ModelError(RequestError):
    """A model folder is incomplete, altered, unsafe, or does not fit the request (exit code 2)."""


class ResourceError(SeamlineError):
    """The plan needs more memory or disk than there is (exit code 3)."""

    exit_code = 3


class Cancelled(SeamlineError):
    """The user cancelled the run (exit code 130)."""

    exit_code = 130

    def __init__(self, what: str = "cancelled", *, where: str = "", fix: str = "") -> None:
        super().__init__(what, where=where, fix=fix)


class SeamlineWarning(UserWarning):
    """Base of the warnings; the run goes on."""


class UnusedOptionWarning(SeamlineWarning):
    """An option was given that the chosen model does not use."""


class BlocksWarning(SeamlineWarning):
    """Much is computed twice where the blocks of a lazy result meet."""


class ClusterWarning(SeamlineWarning):
    """A worker of a cluster cannot take part in a run."""


class AllNodataWarning(SeamlineWarning):
    """The input holds no valid pixel, so the output holds none either."""


class AlphaWarning(SeamlineWarning):
    """A band is taken for a mask because of its name, though its values look like data."""


class UndeclaredFillWarning(SeamlineWarning):
    """A value looks like one that stands for no data, and no file says so."""


class NoRatioWarning(SeamlineWarning):
    """A method of ratios meets values that have none, and leaves them as they are."""


class UnusedGuideWarning(SeamlineWarning):
    """An input that only helps has nothing to tell where the image lies; the result is the one without it."""


class GeoreferenceWarning(SeamlineWarning):
    """The input has no CRS; rows and columns stand in for coordinates."""


class ShortMemoryWarning(SeamlineWarning):
    """Memory ran short and a smaller batch was used; the report says where."""


class FlatImageWarning(SeamlineWarning):
    """An image or a part of it is constant, so that a measure of its structure has its limiting value."""


class LeftOutWarning(SeamlineWarning):
    """A metric cannot be had from what is known of these inputs; the others stand."""


class LeftoverWarning(SeamlineWarning):
    """The result is in place, but a file that the run made on the way could not be deleted."""


class OutOfRangeWarning(SeamlineWarning):
    """Values outside what a metric takes were clipped."""


class ConsistencyWarning(SeamlineWarning):
    """Consistency cannot be enforced or measured for these grids."""


class MisregistrationWarning(SeamlineWarning):
    """The inputs show one ground at places that differ by more than a coarse pixel."""


class InstrumentWarning(SeamlineWarning):
    """How an input was seen could not be measured, and something else stands in."""


class SkippedLabelsWarning(SeamlineWarning):
    """Labels without a class, without a usable shape or off the images are left out; the others stand."""


class UnlearntClassesWarning(SeamlineWarning):
    """A model that was trained on labels finds some of their classes nowhere."""


class RepairedGeometryWarning(SeamlineWarning):
    """Shapes that were not valid have been repaired."""


class OverlappingLabelsWarning(SeamlineWarning):
    """Polygons of different classes cover the same ground; the later one counts."""
