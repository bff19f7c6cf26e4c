"""The Pythons that set-up can bring where none is installed: builds that run from any folder, known by their sha256.

They are those of python-build-standalone, which uv installs too.  Values alone: ``bring`` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

SITE = "https://github.com/astral-sh/python-build-standalone/releases/download"
LICENCE = "PSF-2.0"
MOST_BYTES = 64 << 20
"""No archive is as large; one that is larger is refused while it is fetched."""
_FOLDER = "pythons"


@dataclass(frozen=True)
class Standalone:
    """One build of a Python.

    Attributes:
        version: three numbers.
        release: date by which the builds are published together.
        triple: kind of machine that it runs on.
        sha256: of the archive, in hexadecimal digits.
        site: address that the archives lie below.
    """

    version: str
    release: str
    triple: str
    sha256: str
    site: str = SITE

    @property
    def archive(self) -> str:
        """File name of the archive, which holds one folder ``python``."""
        return f"cpython-{self.version}+{self.release}-{self.triple}-install_only_stripped.tar.gz"

    @property
    def url(self) -> str:
        """Where the archive is published."""
        return f"{self.site}/{self.release}/{quote(self.archive)}"

    def folder(self, root: Path) -> Path:
        """Where it lies below the folder of a set-up, there or not."""
        return root / _FOLDER / f"cpython-{self.version}+{self.release}"

    def program(self, root: Path) -> Path:
        """Its program below the folder of a set-up, there or not."""
        return self.folder(root) / self.inside

    @property
    def about(self) -> str:
        """Name and version, for a list."""
        return f"Python {self.version}"

    @property
    def inside(self) -> str:
        """Its program below its own folder."""
        return "python.exe" if "windows" in self.triple else "bin/python3"


@dataclass(frozen=True)
class Bringing:
    """How a Python comes into the folder of a set-up.

    Attributes:
        build: which one.
        folder: of the set-up.
        archive: file that it is taken from; None to fetch it.
    """

    build: Standalone
    folder: Path
    archive: Path | None = None

    @property
    def line(self) -> str:
        """Where from and where to, for a log."""
        return f"{self.archive or self.build.url} -> {self.build.folder(self.folder)}"


# As uv 0.13.9 pins them; as lines of ``sha256sum``, which nobody takes for secrets.
_VERSION, _RELEASE = "3.13.18", "20261110"
_SUMS = """
f2d2199eb25880e07863b391cf7124e7ffa1338b0d65600dfcec117c4223a7fb  x86_64-unknown-linux-gnu
55c00325f7c1fddf325dfc621aabdfbbac4dc54adda224af88ec411dc12db239  aarch64-unknown-linux-gnu
d27d59a722db9f69926eb6d9564071247221f45a04da920ea7f3001c97e32f9b  x86_64-apple-darwin
7a2384641584ab9984221fcb0fc9265df465922af71be71410529e2a9c3f0540  aarch64-apple-darwin
2e0fed09d48989f64c9305da9ff2d37a41c0d13ab2aa6283405b2b620dfbf805  x86_64-pc-windows-msvc
"""
_TRIPLES = {
    ("linux", "x86_64"): "x86_64-unknown-linux-gnu",
    ("linux", "aarch64"): "aarch64-unknown-linux-gnu",
    ("darwin", "x86_64"): "x86_64-apple-darwin",
    ("darwin", "arm64"): "aarch64-apple-darwin",
    ("win32", "amd64"): "x86_64-pc-windows-msvc",
}
_SHA256 = {triple: sha256 for sha256, triple in map(str.split, _SUMS.strip().splitlines())}
BUILDS = {kind: Standalone(_VERSION, _RELEASE, triple, _SHA256[triple]) for kind, triple in _TRIPLES.items()}


def standalone(system: str, machine: str) -> Standalone | None:
    """The build for a kind of machine, named as ``sys.platform`` and ``platform.machine`` do; None where none fits."""
    return BUILDS.get((system, machine.lower()))
