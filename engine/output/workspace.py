"""The folder of an unfinished run: its plan, its finished row bands, and a lock that one run at a time holds.

``OUT.seamline/`` lies beside the output, so that the last step is a rename on one file system.  The plan is the first
file to come and the last to go, so that row bands without a plan are never met.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import RequestError, RunError
from ..plan.plan import Plan
from ..serial import digest, from_jsonable, to_jsonable
from .locks import lock_file
from .row_bands import RowBands, write_json

FORMAT = 4
"""Of the folder; those of other numbers were left by other versions."""
_PLAN, _LOCK, _MODEL = "plan.json", "lock", "model"
_HALF = re.compile(r"plan\.\d+\.part")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder beside one output."""

    folder: Path

    @classmethod
    def beside(cls, out: Path) -> Workspace:
        """The workspace of an output path."""
        return cls(out.with_name(out.name + ".seamline"))

    @property
    def exists(self) -> bool:
        """Whether an unfinished run lies here."""
        return (self.folder / _PLAN).exists()

    @property
    def model(self) -> Path:
        """Where a model that was adapted for this run lies."""
        return self.folder / _MODEL

    @contextmanager
    def held(self, *, shared: bool) -> Iterator[None]:
        """Hold the folder while a run works in it; the hold ends with the process, however that ends.

        Args:
            shared: other shards of the run may hold it too.

        Raises:
            RequestError: another run holds it, it is no folder of a run, or it cannot be written.
        """
        self._check_ours()
        try:
            self.folder.mkdir(exist_ok=True)
            lock = lock_file(self.folder / _LOCK, shared=shared)
        except OSError as error:
            raise RequestError(
                f"the folder cannot be written ({error.strerror})",
                where=str(self.folder.parent),
                fix="choose another place for the output",
            ) from error
        if lock is None:
            raise RequestError(
                "another run works on this output", where=str(self.folder), fix="wait for it, or choose another output"
            )
        try:
            yield
        finally:
            lock.close()
            # Neither a finished run nor a refused request leaves a folder behind; somebody may have taken it away.
            with contextlib.suppress(OSError):
                if {entry.name for entry in self.folder.iterdir()} == {_LOCK}:
                    shutil.rmtree(self.folder)

    def _check_ours(self) -> None:
        """Refuse to touch a folder of that name that no run has made, or in which no run could be told from another."""
        lock = self.folder / _LOCK
        if lock.is_symlink() or (lock.exists() and not lock.is_file()):
            raise RequestError("this is no lock of a run", where=str(lock), fix="move it away, and run again")
        if self.exists or not self.folder.exists():
            return
        others = sorted(e.name for e in self.folder.iterdir()) if self.folder.is_dir() else [self.folder.name]
        # A run that was killed while it saved its plan leaves a part of it, and nothing else.
        others = [name for name in others if name not in (_LOCK, _MODEL) and not _HALF.fullmatch(name)]
        if others:
            raise RequestError(
                f"this is no folder of a run, but holds {others[0]}",
                where=str(self.folder),
                fix="move it away, or choose another name for the output",
            )

    def create(self, plan: Plan) -> None:
        """Save the plan of a run that begins; a sibling may have saved the same one a moment ago.

        Raises:
            RequestError: the folder cannot be written, or another run has begun here meanwhile.
        """
        data = to_jsonable(plan)
        content = {"format": FORMAT, "identity": plan.identity, "sha256": digest(data), "plan": data}
        try:
            if write_json(self.folder / _PLAN, content, replace=False):
                return
        except OSError as error:
            raise RequestError(
                f"the folder cannot be written ({error.strerror})",
                where=str(self.folder),
                fix="choose another place for the output",
            ) from error
        if self.plan().identity != plan.identity:
            raise RequestError(
                "another run has just begun here", where=str(self.folder), fix="give all shards the same options"
            )

    def plan(self) -> Plan:
        """The saved plan.

        Raises:
            RequestError: there is none, it is damaged, or another version left it.
        """
        path = self.folder / _PLAN
        try:
            saved = json.loads(path.read_text())
        except FileNotFoundError as error:
            raise RequestError(
                "there is no unfinished run", where=str(self.folder), fix="run the shards first"
            ) from error
        except (OSError, ValueError, RecursionError) as error:
            raise _damaged(path) from error
        if not isinstance(saved, dict) or "plan" not in saved:
            raise _damaged(path)
        if saved.get("format") != FORMAT:
            raise RequestError(
                "another version of the program began this run",
                where=str(self.folder),
                fix=anew(self.folder),
            )
        try:
            if saved["sha256"] != digest(saved["plan"]):
                raise _damaged(path)
            plan: Plan = from_jsonable(Plan, saved["plan"])
            if plan.identity != saved["identity"]:
                raise _damaged(path)
        # PROJ's errors of a CRS are runtime errors.
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError) as error:
            raise error if isinstance(error, RequestError) else _damaged(path) from error
        return plan

    def row_bands(self, plan: Plan) -> RowBands:
        """The row bands of a plan in this folder."""
        return RowBands.of(self.folder, plan)

    def clear(self) -> None:
        """Delete everything but the lock, the plan last; without a plan, a model waits for its run to begin and stays.

        Raises:
            RunError: a file cannot be deleted; the plan is still there, so that nothing is taken for another run's.
        """
        if not self.folder.exists():
            return
        keep = {_LOCK, _PLAN} if self.exists else {_LOCK, _MODEL}
        try:
            for entry in sorted(self.folder.iterdir()):
                if entry.name not in keep:
                    _delete(entry)
            (self.folder / _PLAN).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(
                f"a file of an earlier run cannot be deleted ({error.strerror})",
                where=str(error.filename or self.folder),
                fix="close the programs that use it, delete the folder, and run again",
            ) from error


def anew(folder: Path) -> str:
    """The way out of an unfinished run that cannot be gone on with, for shards too, which delete nothing."""
    return f"start anew: pass --overwrite without --resume to a whole run, or delete {folder}"


def _delete(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


def _damaged(path: Path) -> RequestError:
    return RequestError("the saved plan is damaged", where=str(path), fix=anew(path.parent))
