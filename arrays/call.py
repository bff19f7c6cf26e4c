"""A call of the Python door: its arrays checked, its options a request, its errors in the words of Python."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.contract import ModelSpec
from ..engine.errors import RequestError
from ..engine.request import Request, local_of
from ..models import registry
from .options import Options, check_kinds, request_of, words_of_python

if TYPE_CHECKING:
    from .given import Given
    from .options import Image


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """What a call asks for.

    Attributes:
        request: of the run.
        model: its name or folder.
        spec: of the model.
        arrays: the inputs that are arrays, by name; others are files.
        target: where the first output goes, in a temporary folder where nobody wants to keep it.
        said: says a text in the words of Python.
    """

    request: Request
    model: str
    spec: ModelSpec
    arrays: Mapping[str, Given]
    target: Path
    said: Callable[[str], str]

    @property
    def main(self) -> Given | None:
        """The main input, where it is an array."""
        return self.arrays.get(self.spec.main)

    def lay_down(self) -> None:
        """Write the arrays where the request looks for them.

        Raises:
            RunError: the disk is full, or the place cannot be written.
        """
        for name, array in self.arrays.items():
            array.lay_down(Path(self.request.inputs[name]))


@contextmanager
def calling(
    images: Mapping[str, Image], model: Callable[[], str], out: str | Path | None, options: Options
) -> Iterator[Call]:
    """Make a call ready; no array is written yet, and everything temporary goes when the context is left.

    Args:
        images: by the names of inputs.
        model: gives the name or the folder of the model.
        out: as the user gave it.

    Raises:
        SeamlineError: an option or an array makes no sense; what is raised inside is told in the words of Python too.
    """
    with tempfile.TemporaryDirectory(prefix="seamline-", ignore_cleanup_errors=True) as folder:
        target = Path(folder, "out.tif") if out is None else Path(out)
        if str(out).startswith("s3://"):
            target = Path(local_of(str(out), str(options.get("work") or folder)))
        with words_of_python(Path(folder), target) as said:
            check_kinds(options)
            chosen = model()
            spec = registry.info(chosen).spec
            arrays, paths = inputs_in(Path(folder), {**images, **(options.get("guides") or {})})
            request = request_of(paths, target if out is None else out, options)
            call = Call(request, chosen, spec, arrays, target, said)
            _check(call, out)
            yield call


def inputs_in(folder: Path, images: Mapping[str, Image]) -> tuple[dict[str, Given], dict[str, str]]:
    """The arrays among the images, and the path of every image: of an array, where it is to be laid down."""
    # Not needed by the command line, and slow to import; it registers the .rio accessor.
    from .given import Given

    arrays = {
        name: Given.of(image, name) for name, image in images.items() if not isinstance(image, (str, os.PathLike))
    }
    return arrays, {name: str(folder / f"{name}.tif" if name in arrays else images[name]) for name in images}


def of_the_run(options: Options) -> dict[str, Any]:
    """What ``api.run_request`` takes beside the request, but for the listener."""
    keep, workers = options.get("keep_model"), options.get("workers")
    return {
        "adapt": options.get("adapt"),
        "keep_model": None if keep is None else Path(keep),
        "workers": 1 if workers is None else workers,
        "scheduler": options.get("scheduler"),
        "client": options.get("client"),
        "cancel": options.get("cancel"),
    }


def _check(call: Call, out: str | Path | None) -> None:
    """Refuse what makes no sense for arrays."""
    request, main = call.request, call.main
    if out is None and request.also:
        names = ", ".join(request.also)
        raise RequestError(f"{names}: there is no output to lie beside", where="also", fix="give out too")
    if out is None and request.stac:
        raise RequestError("there is no output that it could speak of", where="stac", fix="give out too")
    if request.resume and (out is None or call.arrays):
        what = (
            "an array is not the file that the unfinished run read" if call.arrays else "nothing was kept without out"
        )
        raise RequestError(what, where="resume", fix="give out, and the inputs as paths")
    if main is not None and main.storage.applied and (request.offset, request.scale_factor) != (None, None):
        raise RequestError(
            f"the values of {main.name} are scaled already, as its encoding says",
            where="offset, scale_factor",
            fix="leave them out, or give the array as it is stored",
        )
