"""A pan-sharpening model on the scenes of a PanCollection file: their images in one HDF5 file, a line of scores each.

As in the released inference of SALAD-Pan (arXiv 2602.04473) a scene is one tile, and its MS is the file's own ``lms``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ...engine.contract import IMAGE, InputSpec, MeasuringModel, ModelSource, ModelSpec, Runtime, TileModel, Where
from ...engine.errors import ModelError, RequestError
from ...engine.quality.as_released import released_full, released_reduced
from ...engine.quality.detail import detail_scores
from ...engine.quality.evaluation import Evaluation
from ...engine.quality.full import full_scores
from ...engine.quality.reduced import reduced_scores
from .pancollection import PanCollection, Scene

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Fusing:
    """What is run on a file.

    Attributes:
        out: file that is written, with ``pred_01`` (N, C, H, W), float32 in 0..1, ``pred_native``, the same in DN, and
            ``indices`` (N,), numbers of the scenes; the scores lie beside it, in ``.jsonl``.
        seed: of the model's noise; every scene has a draw of its own.
        released: also compute the metrics as the released code of SALAD-Pan does.
        runtime: device and steps.
    """

    out: Path
    runtime: Runtime
    seed: int = 0
    released: bool = False

    @property
    def lines(self) -> Path:
        """The file of the scores, a JSON object a scene."""
        return self.out.with_suffix(".jsonl")


def fuse_collection(
    file: PanCollection, source: ModelSource, fusing: Fusing, beat: Callable[[], None] = lambda: None
) -> list[Evaluation]:
    """Fuse every scene of a file, write images and scores, and give the scores.

    Args:
        beat: called after every scene; may raise to stop, and nothing is left then.

    Raises:
        RequestError: an output exists already, or the file has other bands or another ratio than the model takes.
        ModelError: the model cannot be loaded, or shows no tile at once.
    """
    import h5py  # type: ignore[import-untyped]

    for path in (fusing.out, fusing.lines):
        if path.exists():
            raise RequestError("it exists already", where=str(path), fix="name a new file with --out")
    _check_fit(file, source.spec)
    model = source.load(fusing.runtime)
    if not isinstance(model, TileModel):
        raise ModelError("it runs through the engine alone", where=source.spec.name, fix="choose another --model")
    parts = [path.with_name(f"{path.name}.part") for path in (fusing.out, fusing.lines)]
    found: list[Evaluation] = []
    shape = (file.count, file.bands, *file.size_hw)
    try:
        with h5py.File(parts[0], "w") as images, parts[1].open("w", encoding="utf-8") as lines:
            stored = {
                name: images.create_dataset(
                    name, shape, np.float32, chunks=(1, *shape[1:]), compression="gzip", track_times=False
                )
                for name in ("pred_01", "pred_native")
            }
            images.create_dataset("indices", data=np.arange(file.count))
            for index in range(file.count):
                scene = file.read(index)
                image = fused(model, source.spec, file, scene, fusing, index)
                stored["pred_01"][index], stored["pred_native"][index] = image, image * np.float32(file.peak)
                found.append(_scores(file, scene, image, released=fusing.released))
                lines.write(json.dumps({"index": index, **found[-1].plain()}) + "\n")
                beat()
        for part, path in zip(parts, (fusing.out, fusing.lines), strict=True):
            part.replace(path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return found


def fused(model: TileModel, spec: ModelSpec, file: PanCollection, scene: Scene, fusing: Fusing, index: int) -> Array:
    """A scene fused as one tile, (C, H, W) in 0..1; its last row and column fill it up to what the model takes."""
    height, width = file.size_hw
    missing = (0, -width % spec.align, 0, -height % spec.align)
    scales = {each.name: file.peak / _level(each, file.peak) for each in spec.inputs}
    batch = {
        name: F.pad(torch.from_numpy(values * np.float32(scales[name]))[None], missing, mode="replicate").to(
            fusing.runtime.device
        )
        for name, values in (("pan", scene.pan), ("ms", scene.lms))
    }
    ratio = {"pan": (1.0, 1.0), "ms": (float(file.ratio), float(file.ratio))}
    where = Where(fusing.seed, index, ((0, 0),), ratio)
    if isinstance(model, MeasuringModel):
        valid = F.pad(torch.ones(1, 1, height, width, dtype=torch.bool), missing)
        where = Where(fusing.seed, index, ((0, 0),), ratio, model.measure(batch, valid, where))
    with torch.inference_mode():
        prediction = model.predict(batch, where)
    image = prediction if isinstance(prediction, torch.Tensor) else prediction[IMAGE.name]
    values: Array = (image[0, :, :height, :width].float() / scales["ms"]).clamp(0.0, 1.0).cpu().numpy()
    return values


def _level(wanted: InputSpec, peak: float) -> float:
    """DN that the model is given as 1; the unit range is that of the sensor."""
    if wanted.range == "native":
        return 1.0
    return peak if wanted.bits is None or wanted.range == "unit" else 2.0**wanted.bits - 1.0


def _check_fit(file: PanCollection, spec: ModelSpec) -> None:
    ms = spec.input("ms")
    if ms.bands not in (None, file.bands):
        raise RequestError(
            f"it has {file.bands} bands, and {spec.name} takes {ms.bands}",
            where=str(file.path),
            fix="choose another --model",
        )
    if ms.ratio is not None and not ms.ratio[0] <= file.ratio <= ms.ratio[1]:
        raise RequestError(
            f"its PAN is {file.ratio} times as fine as MS, and {spec.name} takes {ms.ratio[0]:g} to {ms.ratio[1]:g}",
            where=str(file.path),
            fix="choose another --model",
        )


def _scores(file: PanCollection, scene: Scene, unit: Array, *, released: bool) -> Evaluation:
    """Against ``gt`` where there is one, else against ``pan`` and ``ms``; nothing without either."""
    native = unit.astype(np.float64) * file.peak
    if scene.gt is not None:
        reference = scene.gt.astype(np.float64) * file.peak
        metrics = reduced_scores(native, reference, ratio=file.ratio, bits=file.sensor.bits).as_dict()
        metrics |= detail_scores(native, reference, peak=file.peak).as_dict()
        metrics |= released_reduced(native, reference, file.peak).as_dict() if released else {}
        return Evaluation(metrics, native[0].size, None)
    if scene.ms is None:
        return Evaluation({}, None, None)
    pan, ms = (part.astype(np.float64) * file.peak for part in (scene.pan, scene.ms))
    metrics = full_scores(native, pan, ms, gains=file.sensor.gains(file.bands)).as_dict()
    metrics |= released_full(native, pan, ms).as_dict() if released else {}
    return Evaluation(metrics, None, None)
