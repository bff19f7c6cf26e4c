"""The rasters of a run, as far as they are there and lie along the output; what is not, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from affine import Affine
from odc.geo.geobox import GeoBox

from ..engine.errors import RequestError
from ..engine.inputs.scene import Scene
from ..engine.request import OpenPolicy
from .rasters import described, input_scene, laid, lies_along
from .run import Run


@dataclass(frozen=True, slots=True, eq=False)
class Rasters:
    """What there is to look at.

    Attributes:
        out: the first output.
        main: the input whose bands it keeps, where the run took it to lie; None where it cannot be used.
        others: the further inputs, by name.
        further: the further outputs, by name.
        reference: what the output should equal; None where none was given.
        missing: what cannot be shown, a sentence each.
    """

    out: Scene
    main: Scene | None
    others: Mapping[str, Scene]
    further: Mapping[str, Scene]
    reference: Scene | None
    missing: Sequence[str]


def gather(run: Run, reference: Path | None) -> Rasters:
    """Describe the rasters of a run.

    Raises:
        RequestError: the output or the reference cannot be opened.
    """
    facts, missing = run.facts, list[str]()
    out = described("output", run.out, OpenPolicy())
    named = facts.get("input_bands") or ({"input": facts["main_bands"]} if facts.get("main_bands") else {})
    main_name = str(facts.get("main") or next(iter(named), ""))
    inputs: dict[str, Scene] = {}
    for name, bands in named.items():
        try:
            inputs[name] = input_scene(name, bands)
        except RequestError as error:
            missing.append(f"Input {name}: {error.what} ({error.where})")
    main = inputs.pop(main_name, None)
    if main is not None:
        out = _placed(out, main)
        shift = (facts.get("instrument") or {}).get("shift")
        main = laid(main, facts.get("coregistered"), shift, out.grid)
        if not lies_along(main, out.grid):
            missing.append(
                f"Input {main_name}: it does not lie along the output (turned, in another CRS, or of other ground)"
            )
            main = None
    for name, scene in list(inputs.items()):
        if not lies_along(scene, out.grid):
            missing.append(
                f"Input {name}: it does not lie along the output (turned, in another CRS, or of other ground)"
            )
            del inputs[name]
    further = {}
    for name, layer in list(facts.get("layers", {}).items()):
        path = run.layers.get(name)
        if path is None:
            missing.append(f"Output {name}: it is gone ({Path(layer['path']).name})")
        elif path != run.out:
            try:
                further[name] = described(name, path, OpenPolicy())
            except RequestError as error:
                missing.append(f"Output {name}: {error.what} ({error.where})")
    wanted = None if reference is None else described("reference", reference, OpenPolicy())
    return Rasters(out, main, inputs, further, wanted, missing)


def _placed(out: Scene, main: Scene) -> Scene:
    """The output over its input, where neither has a georeference and the sizes tell."""
    if not (out.grid.affine.is_identity and main.grid.affine.is_identity):
        return out
    (height, width), (rows, columns) = out.grid.shape, main.grid.shape
    if height * columns != width * rows:
        return out
    grid = GeoBox(out.grid.shape, Affine.scale(columns / width, rows / height), None)
    return replace(out, parts=tuple(replace(part, grid=grid) for part in out.parts))


def band_names(scene: Scene, told: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """Names of bands; those that a report tells where the file has none."""
    names = [band.name for band in scene.bands]
    if any(names) or len(told) != len(names):
        return names
    return [str(band.get("name") or "") for band in told]
