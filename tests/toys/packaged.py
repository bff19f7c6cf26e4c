"""Installs the toys as another package would bring them: modules, an entry point each, and a model folder each.

``PYTHON packaged.py SITE MODELS`` does it from outside, for tests that run in another Python than the engine.
"""

from __future__ import annotations

import runpy
import shutil
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOYS = ("segments", "patches", "reference", "stepping")
METADATA = "Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n"


def install(site: Path, names: tuple[str, ...] = TOYS) -> None:
    """Put the package ``toys`` and its metadata into a folder of Python's path."""
    (site / "toys").mkdir(parents=True)
    for name in names:
        shutil.copy(HERE / f"{name}.py", site / "toys")
    about = site / "toys-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(METADATA)
    lines = "".join(f"toy_{name} = toys.{name}\n" for name in names)
    (about / "entry_points.txt").write_text(f"[seamline.architectures]\n{lines}")


def write_models(folder: Path) -> dict[str, Path]:
    """Write the model folders, named as the models are; their paths by toy."""
    import torch

    from seamline.models.folder import Architecture, Card, write_folder

    head = torch.cat([6 * torch.eye(4) - 2, torch.zeros(1, 4)])
    tensors = {
        "segments": {"head": head, "bias": torch.tensor([0.0, 0.2, -0.4, 0.1, -1.0])},
        "patches": {"brightness": torch.tensor([0.7, 0.83, 0.96])},
        "reference": {"strength": torch.tensor(2.0)},
        "stepping": {"strength": torch.tensor(40.0)},
    }
    paths = {}
    for name in TOYS:
        spec = import_module(f"seamline.tests.toys.{name}").SPEC
        card = Card.of(
            spec,
            architecture=Architecture(name=f"toy_{name}", config={"steps": 8} if spec.stepping else {}),
            licence="CC0-1.0",
            training_data="none",
            citation="none",
        )
        paths[name] = folder / spec.name
        write_folder(paths[name], card, tensors[name], dtype=torch.float32)
    return paths


if __name__ == "__main__":
    runpy.run_path(str(HERE.parents[1] / "conftest.py"))
    install(Path(sys.argv[1]))
    write_models(Path(sys.argv[2]))
