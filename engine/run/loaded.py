"""Models that a process keeps between parts of a run, and between runs of the same model."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from ..contract import ModelSource, Runtime, SteppingModel, TileModel


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A model as it is to be loaded; two are one where the source says that they are."""

    identity: str
    runtime: Runtime
    source: ModelSource = field(compare=False)


@lru_cache(maxsize=1)
def _loaded(wanted: _Wanted) -> TileModel | SteppingModel:
    return wanted.source.load(wanted.runtime)


def kept(source: ModelSource, runtime: Runtime) -> TileModel | SteppingModel:
    """The model, loaded unless it was the last one that this process asked for."""
    return _loaded(_Wanted(source.identity, runtime, source))


def forget() -> None:
    """Let the model go."""
    _loaded.cache_clear()
