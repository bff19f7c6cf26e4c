"""The papers' perceptual metrics: LPIPS, DISTS, FID, CLIPIQA, MUSIQ, MANIQA and NIQE; and SSIMULACRA2.

That one needs no files.  The weights of the others are files that the user names; nothing is downloaded, and what is
not there is reported as absent::

    loaded = load_metrics(Path("weights"))          # name -> Measure or Absent, all seven
    read = reader(fused, reference, valid)          # Rows of the scene; Rows.of(array) where it is in memory
    values = measure(loaded, read, fused.shape[1:], peak=2047, bands=(2, 1, 0))
    for name, value in values.items():              # a float, or Absent with its reason
        print(name, value, METRICS[name].better)

Scenes are read patch by patch, so they may be of any size.  Networks from Python take part by
``load_metrics(folder, {"FID": fid(extractor), "MUSIQ": scored(scorer)})``, and NIQE needs nobody's file where own sharp
imagery is at hand: ``{"NIQE": niqe(fit_pristine(images, peak=2047))}``.
"""

from .distances import dists, lpips
from .frechet import fid
from .moments import Absent, Measure, Moments, scored
from .networks import alexnet, vgg16
from .niqe import Pristine, fit_pristine, niqe, save_pristine
from .patches import Pixels, Read, measure, patch_windows, reader, steps
from .registry import METRICS, PerceptualMetric, load_metrics
from .ssimulacra import measure_ssimulacra2, ssimulacra2

__all__ = [
    "METRICS",
    "Absent",
    "Measure",
    "Moments",
    "PerceptualMetric",
    "Pixels",
    "Pristine",
    "Read",
    "alexnet",
    "dists",
    "fid",
    "fit_pristine",
    "load_metrics",
    "lpips",
    "measure",
    "measure_ssimulacra2",
    "niqe",
    "patch_windows",
    "reader",
    "save_pristine",
    "scored",
    "ssimulacra2",
    "steps",
    "vgg16",
]
