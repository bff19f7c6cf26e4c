"""Which build of PyTorch fits this machine, and how pip gets it.

The builds are those that PyTorch publishes for the pinned version; the ranges of compute capability are those that each
was compiled for.  CUDA 13 knows nothing older than Turing, CUDA 12.6 nothing newer than Hopper.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..environment import clean_environment
from ..text import tr

INDEX = "https://download.pytorch.org/whl/"
_SMI_S = 15.0
_TORCH_WHEEL = re.compile(r"torch-[^-]+-cp(\d)(\d+)-[^-]+-[^-]+\.whl$")
_GIB = 1 << 30

Version = "tuple[int, int]"  # a name for annotations alone


@dataclass(frozen=True)
class TorchBuild:
    """One build.

    Attributes:
        name: the tag in its version and in the address of its index; ``mps`` for the one build of macOS, without a tag.
        cuda: least CUDA version of the driver; None without CUDA.
        capability: least and greatest compute capability; None without CUDA.
        disk_bytes: what the whole environment takes while it is made.
        fetched_bytes: about what is fetched for it over the network.
    """

    name: str
    disk_bytes: int
    fetched_bytes: int
    cuda: Version | None = None
    capability: tuple[Version, Version] | None = None

    @property
    def title(self) -> str:
        """For a list of choices."""
        if self.cuda is not None:
            return tr("NVIDIA graphics card, CUDA {version}").format(version=".".join(map(str, self.cuda)))
        return tr("Apple processor and its graphics (MPS)") if self.name == "mps" else tr("processor alone (CPU)")

    def requirement(self, version: str) -> str:
        """What pip is asked for; the tag makes sure that no other build is taken."""
        return f"torch=={version}" if self.name == "mps" else f"torch=={version}+{self.name}"

    def index_arguments(self) -> list[str]:
        """Where pip finds it, beside its usual index.  No public index can hold a version with a tag."""
        return [] if self.name == "mps" else ["--extra-index-url", INDEX + self.name]


def python_of(wheels: Path) -> Version | None:
    """The version of Python that the PyTorch in an offline folder is for; None where that is not one."""
    try:
        names = [each.name for each in wheels.iterdir()]
    except OSError:  # set-up says why
        return None
    found = {match.groups() for match in map(_TORCH_WHEEL.match, names) if match}
    if len(found) != 1:
        return None
    major, minor = found.pop()
    return int(major), int(minor)


CPU = TorchBuild("cpu", 3 * _GIB, _GIB // 2)
MPS = TorchBuild("mps", 3 * _GIB, _GIB // 2)
CUDA_BUILDS = (
    TorchBuild("cu130", 10 * _GIB, 3 * _GIB, (13, 0), ((7, 5), (12, 1))),
    TorchBuild("cu126", 10 * _GIB, 3 * _GIB, (12, 6), ((5, 0), (9, 0))),
)


@dataclass(frozen=True)
class Gpu:
    """A graphics card as its driver describes it.

    Attributes:
        name: of the card.
        cuda: newest CUDA version that the driver runs.
        capability: compute capability; None where the driver is too old to tell.
    """

    name: str
    cuda: Version
    capability: Version | None = None


def builds(system: str, machine: str) -> tuple[TorchBuild, ...]:
    """The builds that exist for a kind of machine, named as ``sys.platform`` and ``platform.machine`` do."""
    if system == "darwin":
        return (MPS,) if machine.lower() in ("arm64", "aarch64") else ()
    if system == "win32" and machine.lower() not in ("amd64", "x86_64"):
        return (CPU,)
    return (CPU, *CUDA_BUILDS)


def choose(available: Iterable[TorchBuild], gpus: Iterable[Gpu]) -> tuple[TorchBuild | None, str]:
    """The build to offer, and one sentence why.

    Returns:
        None when no build exists, as for Macs with an Intel processor.
    """
    available, gpus = tuple(available), tuple(gpus)
    if not available:
        return None, tr("PyTorch is no longer made for this kind of computer; run the engine on another machine")
    for build in available:
        fitting = [gpu for gpu in gpus if _fits(build, gpu)]
        if fitting:
            return build, tr("{card} with a driver for CUDA {version}").format(
                card=fitting[0].name, version=".".join(map(str, fitting[0].cuda))
            )
    if gpus:
        return available[0], tr(
            "{card} is there, but its driver (CUDA {version}) fits no build: update the driver and look again"
        ).format(card=gpus[0].name, version=".".join(map(str, gpus[0].cuda)))
    return available[0], tr("no NVIDIA graphics card was found") if available[0] is CPU else ""


def find_gpus() -> list[Gpu]:
    """The NVIDIA cards that the driver's own tool lists; empty without a driver."""
    header = _nvidia_smi()
    return parse_gpus(header, _nvidia_smi("--query-gpu=name,compute_cap", "--format=csv,noheader")) if header else []


def parse_gpus(header: str, listed: str) -> list[Gpu]:
    """Cards from the table of ``nvidia-smi`` and its list of names and compute capabilities."""
    version = re.search(r"CUDA(?: UMD)? Version\s*:\s*(\d+)\.(\d+)", header)
    if version is None:
        return []
    cuda = (int(version[1]), int(version[2]))
    rows = re.findall(r"^(.+?),\s*(\d+)\.(\d+)\s*$", listed, re.MULTILINE)
    return [Gpu(name.strip(), cuda, (int(major), int(minor))) for name, major, minor in rows] or [Gpu("NVIDIA", cuda)]


def _fits(build: TorchBuild, gpu: Gpu) -> bool:
    if build.cuda is None or build.capability is None or gpu.cuda < build.cuda:
        return False
    return gpu.capability is None or build.capability[0] <= gpu.capability <= build.capability[1]


def _nvidia_smi(*arguments: str) -> str:
    try:
        ran = subprocess.run(
            ["nvidia-smi", *arguments],
            env=clean_environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SMI_S,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.decode("utf-8", "replace") if ran.returncode == 0 else ""
