"""Models that stay loaded: for all of a run, for runs in turn, or for as long as a process computes parts of runs."""

from __future__ import annotations

from functools import cache

from ..contract import ModelSource, Runtime, SteppingModel, TileModel


class LoadedOnce:
    """The model that was asked for last, loaded when it is first asked for: of one run, or of several in turn."""

    def __init__(self) -> None:
        self._loaded: tuple[ModelSource, Runtime, TileModel | SteppingModel] | None = None

    def __call__(self, source: ModelSource, runtime: Runtime) -> TileModel | SteppingModel:
        """The model of a source for a runtime."""
        if self._loaded is None or self._loaded[:2] != (source, runtime):
            # Gone before the next one comes: there may be no room for two.
            self._loaded = None
            self._loaded = source, runtime, source.load(runtime)
        return self._loaded[2]

    def let_go(self) -> None:
        """Keep no model."""
        self._loaded = None


@cache
def of_this_process() -> LoadedOnce:
    """The one of a process that computes parts of runs, a part after another."""
    return LoadedOnce()
