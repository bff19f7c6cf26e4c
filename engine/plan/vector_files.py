"""Vector files that a run makes of its map of classes: what is wanted, and whether the model can give it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..contract import ModelSpec, OutputSpec
from ..errors import RequestError
from ..request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorFiles:
    """What is made of the first output once it is in place.

    Attributes:
        polygons: where the areas of one class go; None for none.
        min_area: of a polygon, m²; px² where the map has no CRS.
        simplify: how far an outline may move, m; px where the map has no CRS.
        patches: where the patches go, one square each; None for none.
    """

    polygons: str | None
    min_area: float
    simplify: float
    patches: str | None

    @classmethod
    def of(cls, request: Request, spec: ModelSpec) -> VectorFiles:
        """What a request wants of a model.

        Raises:
            RequestError: the model tells no classes, or none of patches.
        """
        for option, wanted in (("--polygons", request.polygons), ("--patches", request.patches)):
            if wanted is not None and spec.outputs[0].blend != "argmax":
                raise RequestError(
                    f"the model {spec.name} writes no map of classes", where=option, fix="leave it out, or choose one"
                )
        if request.patches is not None and spec.patch == 1:
            raise RequestError(
                f"the model {spec.name} tells the class of every pixel, not of patches",
                where="--patches",
                fix="pass --polygons, or choose a model of classify",
            )
        return cls(
            polygons=_absolute(request.polygons),
            min_area=float(request.min_area or 0),
            simplify=float(request.simplify or 0),
            patches=_absolute(request.patches),
        )

    @property
    def paths(self) -> dict[str, str]:
        """Path of each file that is wanted, by what it holds."""
        return {name: path for name in ("polygons", "patches") if (path := getattr(self, name)) is not None}


def _absolute(path: str | None) -> str | None:
    """The path as it is found from any folder: shards may be merged from another one."""
    return None if path is None else str(Path(path).absolute())


def score_output(spec: ModelSpec) -> OutputSpec | None:
    """The output that says how sure a model is of a class; None where it has none."""
    return next((each for each in spec.outputs[1:] if each.blend == "max"), None)
