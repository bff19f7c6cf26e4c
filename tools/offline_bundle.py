"""Everything for a computer without a network, in one folder: ``python -m seamline.tools.offline_bundle FOLDER``.

The folder is what set-up in QGIS takes as *Offline folder* and pip as ``--find-links``: Seamline's wheel with its
models, the wheels of all that it requires, for the system and the Python that this runs on, the plugin's zip, a page
that says what to do, and ``SHA256SUMS``.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seamline import __version__
from seamline.qgis_plugin.engine_process import EngineError
from seamline.qgis_plugin.setup.bring import bring
from seamline.qgis_plugin.setup.requirements import read_requirements
from seamline.qgis_plugin.setup.standalone import Bringing, Standalone, standalone
from seamline.qgis_plugin.setup.sums import NAME as SUMS
from seamline.qgis_plugin.setup.torch_build import TorchBuild, builds

from .build_wheel import ROOT, build
from .offline_page import Contents, page


@dataclass(frozen=True)
class Bundle:
    """What is to be made.

    Attributes:
        dist: folder that the bundle is made in.
        system: of the wheels, as ``sysconfig`` names it.
        python: minor version of the wheels.
        torch: build of PyTorch.
        extras: of Seamline whose requirements come too.
        standalone: archive of a Python that comes too; None for none.
    """

    dist: Path
    system: str
    python: str
    torch: TorchBuild
    extras: tuple[str, ...] = ()
    standalone: Path | None = None

    @property
    def folder(self) -> Path:
        """Where it is in the end."""
        return self.dist / f"seamline-offline-{self.system}-python{self.python}"

    @property
    def part(self) -> Path:
        """Where it is made."""
        return self.folder.with_name(self.folder.name + ".part")

    def downloads(self, wheel: Path) -> tuple[tuple[str, ...], ...]:
        """Arguments for pip, one call after the other: PyTorch's index is asked for torch alone.

        Args:
            wheel: of Seamline.
        """
        needed = read_requirements(ROOT)
        torch = self.torch.requirement(needed.torch)
        common = ("download", "--only-binary", ":all:", "--progress-bar", "off", "--dest", str(self.part))
        asked = str(wheel) + (f"[{','.join(self.extras)}]" if self.extras else "")
        return (
            (*common, "--no-deps", *self.torch.index_arguments(), torch),
            (*common, "--find-links", str(self.part), "-c", str(needed.constraints), torch, asked),
        )


def make(bundle: Bundle, plugin: Path, python: str, tree: str = "HEAD") -> Path:
    """Make a bundle and a zip of it, in place of an older one; returns its folder.

    Args:
        bundle: what is to be made.
        plugin: the plugin's zip.
        python: program whose pip fetches the wheels.
        tree: commit or tree of this checkout that the wheel is built of.

    Raises:
        subprocess.CalledProcessError: git or pip failed, and has said why.
    """
    shutil.rmtree(bundle.part, ignore_errors=True)
    bundle.part.mkdir(parents=True)
    for arguments in bundle.downloads(build(tree, bundle.part)):
        subprocess.run([python, "-m", "pip", *arguments], check=True)
    shutil.copy(plugin, bundle.part)
    if bundle.standalone is not None:
        shutil.copy(bundle.standalone, bundle.part)
    names = sorted(path.name for path in bundle.part.iterdir())
    archive = "" if bundle.standalone is None else bundle.standalone.name
    contents = Contents(
        __version__, bundle.system, bundle.python, bundle.torch.title, bundle.extras, plugin.name, archive
    )
    (bundle.part / "INSTALL.html").write_text(page(contents), encoding="utf-8")
    write_sums(bundle.part, [*names, "INSTALL.html"])
    shutil.rmtree(bundle.folder, ignore_errors=True)
    bundle.part.rename(bundle.folder)
    _zip(bundle.folder)
    return bundle.folder


def write_sums(folder: Path, names: Sequence[str]) -> None:
    """Write ``SHA256SUMS`` as ``sha256sum -c`` reads it."""
    lines = []
    for name in names:
        with (folder / name).open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n")
    (folder / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def _zip(folder: Path) -> None:
    """The folder as one file to carry; wheels are packed already, so that nothing is packed again."""
    with zipfile.ZipFile(folder.with_name(folder.name + ".zip"), "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"{folder.name}/{path.name}")


def _wanted(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make offline-bundle", description="Everything for a computer without a network."
    )
    parser.add_argument("dist", type=Path, help="folder that the bundle is made in, with the plugin's seamline.zip")
    parser.add_argument("--extras", default="", help="of Seamline, with commas between: app,cluster")
    parser.add_argument("--torch", default="", help="build of PyTorch: cpu, cu126, cu130; cpu where none is named")
    parser.add_argument("--standalone", default="", help="archive of the Python that set-up in QGIS brings, to add")
    return parser.parse_args(arguments)


def _torch(name: str) -> TorchBuild:
    known = builds(sys.platform, platform.machine())
    found = next((build for build in known if name in ("", build.name)), None)
    if found is None:
        sys.exit(
            f"TORCH={name}: no such build for this computer; there is {', '.join(b.name for b in known) or 'none'}"
        )
    return found


def _standalone(archive: Path) -> Standalone:
    known = standalone(sys.platform, platform.machine())
    if known is None or archive.name != known.archive:
        sys.exit(f"STANDALONE={archive}: set-up takes {known.archive if known else 'none'} alone on such a computer")
    return known


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the bundle and say where it is."""
    wanted = _wanted(arguments)
    plugin = wanted.dist / "seamline.zip"
    if not plugin.is_file():
        sys.exit(f"{plugin} is missing; run: make plugin-zip")
    extras = tuple(filter(None, wanted.extras.split(",")))
    torch, system = _torch(wanted.torch), sysconfig.get_platform()
    version, archive = platform.python_version(), Path(wanted.standalone) if wanted.standalone else None
    with tempfile.TemporaryDirectory() as work:
        python = sys.executable
        if archive is not None:
            # It fetches the wheels itself: those of another Python would not fit it.
            known = _standalone(archive)
            try:
                bring(Bringing(known, Path(work), archive), environment={}, on_line=print, is_cancelled=lambda: False)
            except EngineError as error:
                sys.exit(str(error))
            python, version = str(known.program(Path(work))), known.version
        bundle = Bundle(wanted.dist, system, version.rpartition(".")[0], torch, extras, archive)
        try:
            folder = make(bundle, plugin, python)
        except subprocess.CalledProcessError as error:
            sys.exit(error.returncode)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder} and {folder.name}.zip: {size / 1e6:.0f} MB; open INSTALL.html in it")


if __name__ == "__main__":
    main()
