"""Confidence against labels: how often the class is right where a shipped head is so sure of it.

    SEAMLINE_DATA=FOLDER python -m benchmarks.quality.confidence [--write DOCS]

On the test splits of the heads that ship.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seamline.models.registry import info
from seamline.training.satdifuser.tiles import IGNORE

from ..satdifuser.shipped import SHIPPED, told
from ..satdifuser.tasks import TASKS, Set
from ..shared.pages import published

BINS = 10
"""Of the confidence, for the calibration error."""
SURE, UNSURE = 0.9, 0.6
"""From where on the page calls a head sure, and up to where unsure."""
PAGE, PART = "concepts/trust.md", "confidence"


def answers(name: str, each: Set, root: Path) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The confidence in every labelled px or patch of a test set, and whether its class is right."""
    confidence, right = [], []
    for labels, scores in told(name, each, root):
        known = labels != IGNORE
        confidence.append(scores.max(axis=0)[known])
        right.append((scores.argmax(axis=0) == labels)[known])
    return np.concatenate(confidence).astype(np.float64), np.concatenate(right)


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Mean distance of confidence and share that is right, over bins of equal width, weighted by how many lie in each.

    Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    sums = [np.bincount(bins, values, BINS) for values in (confidence, right.astype(np.float64))]
    return float(np.abs(sums[0] - sums[1]).sum() / len(confidence))


def rows(root: Path) -> Iterator[str]:
    """The table."""
    columns = ("model", "test split", "right", "confidence, mean", "calibration error")
    yield f"| {' | '.join(columns)} | right where {SURE} or more | right below {UNSURE} |"
    yield "|---" * (len(columns) + 2) + "|"
    for name, task in SHIPPED.items():
        for each in TASKS[task].tests:
            confidence, right = answers(name, each, root)
            parts = (confidence >= SURE, confidence < UNSURE)
            shares = [
                f"{right[part].mean():.1%} ({part.mean():.0%} of all)" if part.any() else "none" for part in parts
            ]
            error = calibration_error(confidence, right)
            title = f"{name}, version {info(name).spec.version}"
            yield (
                f"| {title} | {each.title} | {right.mean():.1%} | {confidence.mean():.1%} | {error:.3f} | "
                f"{shares[0]} | {shares[1]} |"
            )


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Confidence of the shipped heads against labels.")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    return published(list(rows(Path(os.environ["SEAMLINE_DATA"]))), options.write and options.write / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
