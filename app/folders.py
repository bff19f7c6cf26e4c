"""Which files the page may name: those in the folders that it was given, wherever links lead."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..engine.errors import RequestError
from ..engine.inputs.scene import Scene

_RASTERS = frozenset({".tif", ".tiff", ".jp2", ".img", ".png", ".jpg", ".jpeg", ".til", ".zip"})
_PRODUCT = ".SAFE"
_UNFINISHED = ".seamline"
_MOST_LISTED = 2000


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders whose files may be read and written.

    Attributes:
        roots: absolute, free of links; the first one is where relative paths begin.
    """

    roots: tuple[Path, ...]

    @classmethod
    def of(cls, folders: Iterable[Path]) -> Folders:
        """From what was named.

        Raises:
            RequestError: one of them is no folder.
        """
        for folder in folders:
            if not folder.is_dir():
                raise RequestError("there is no such folder", where=f"--folder {folder}", fix="name one that is there")
        return cls(tuple(dict.fromkeys(folder.resolve() for folder in folders)))

    def readable(self, source: str) -> str:
        """The source of an input, as the engine takes it: a path, or several with commas.

        Raises:
            RequestError: a path is missing or leads out of the folders.
        """
        return ",".join(str(self._there(piece.strip())) for piece in source.split(","))

    def writable(self, out: str) -> Path:
        """The path of an output.

        Raises:
            RequestError: it leads out of the folders, or into a folder that is not there.
        """
        path = self._inside(out)
        if not path.parent.is_dir():
            raise RequestError("its folder is not there", where=str(path), fix="name a folder that is there")
        return path

    def check(self, scene: Scene) -> None:
        """Refuse a scene with a file that leads out of the folders, as a link in a product or beside an image may.

        Raises:
            RequestError: naming the file.
        """
        for stamp in scene.stamps:
            path = self._inside(stamp.path)
            beside = [each for each in Path(stamp.path).parent.iterdir() if each.name.startswith(path.stem)]
            for each in beside:
                self._inside(str(each))

    def listed(self) -> list[str]:
        """The rasters and products in the folders, as ``shown``; at most 2000."""
        found = (path for root in self.roots for path in _rasters(root))
        return [self.shown(path) for path, _ in zip(found, range(_MOST_LISTED), strict=False)]

    def shown(self, path: Path) -> str:
        """A path as it is typed: from the first folder on, where it lies there."""
        return str(path.relative_to(self.roots[0])) if path.is_relative_to(self.roots[0]) else str(path)

    def _there(self, text: str) -> Path:
        path = self._inside(text)
        if not path.exists():
            raise RequestError("the file does not exist", where=text, fix="check the path")
        return path

    def _inside(self, text: str) -> Path:
        if not text:
            raise RequestError("no file was named", fix="choose one, or type its path")
        try:
            path = (self.roots[0] / text).resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a circle of links, or what is no name of a file
            raise RequestError("it is no path", where=text, fix="check the path") from error
        if not any(path.is_relative_to(root) for root in self.roots):
            raise RequestError(
                "it lies outside the folders of this page", where=text, fix="start the app with --folder for its folder"
            )
        return path


def _rasters(root: Path) -> Iterator[Path]:
    """Rasters and products below a folder; links to folders are not followed, and unfinished runs are left alone."""
    for name, folders, files in os.walk(root):
        here = Path(name)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and not f.endswith(_UNFINISHED))
        for product in [folder for folder in folders if folder.endswith(_PRODUCT)]:
            folders.remove(product)
            yield here / product
        for file in sorted(files):
            if not file.startswith(".") and Path(file).suffix.lower() in _RASTERS:
                yield here / file
