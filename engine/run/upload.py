"""The stage that puts outputs into a bucket: each appears there whole or not at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from ..context import RunContext
from ..errors import RequestError, RunError, SeamlineError
from ..inputs.addresses import Address, address_of
from ..inputs.remote import state_of
from ..inputs.transfer import AGAIN, Answer, Client
from ..output.finish import stac_of
from ..plan.plan import Plan
from ..request import Request
from .stages import Stage

_PART = 64 * 2**20
"""Bytes at a time; what is larger goes in parts, which the server puts together at the end."""


def check_upload(request: Request) -> None:
    """Refuse a place in a bucket that cannot be written, before anything is computed.

    Raises:
        RequestError: its server is not allowed, or it is taken and may not be replaced.
        RunError: the server does not answer.
    """
    if request.upload is None or request.overwrite or request.resume:
        return
    address_of(request.upload, request.policy)
    try:
        state_of(request.upload, request.policy)
    except RequestError as error:
        if error.what == "the server has no such file":
            return
        raise
    raise RequestError("the output exists", where=request.upload, fix="pass --overwrite to replace it")


def upload_stages(request: Request) -> tuple[Stage, ...]:
    """What a request puts into a bucket."""
    return () if request.upload is None else (Upload(request.upload),)


@dataclass(frozen=True, slots=True)
class Upload:
    """Puts the outputs, and their item where there is one, into a bucket: the first output last.

    Attributes:
        place: of the first output; the others lie beside it.
    """

    place: str
    name: str = "upload"

    def run(self, plan: Plan, outputs: Mapping[str, Path], context: RunContext) -> Mapping[str, Any]:
        """Make it."""
        first = outputs[plan.output.name]
        folder = self.place.rpartition("/")[0]
        files = {f"{folder}/{outputs[each.name].name}": outputs[each.name] for each in plan.kept[1:]}
        if plan.stac:
            item = stac_of(first)
            # It names the output by the name that this has in the bucket, which is that of the file.
            files[f"{folder}/{item.name}"] = item
        client = Client(context.policy)
        try:
            for place, path in (*files.items(), (self.place, first)):
                _Object(client, address_of(place, context.policy), context).put(path)
        except SeamlineError as error:
            fix = error.fix if isinstance(error, RunError) else f"{error.fix}; then run again with --resume"
            raise RunError(error.what, where=error.where, fix=fix) from error
        finally:
            client.close()
        return {"places": [*files, self.place]}


@dataclass(frozen=True, slots=True)
class _Object:
    """An object of a bucket that is to be written."""

    client: Client
    address: Address
    context: RunContext

    def put(self, path: Path) -> None:
        """Write a file into it."""
        if path.stat().st_size <= _PART:
            self._ask("PUT", "", path.read_bytes())
            return
        upload = self._said("UploadId", self._ask("POST", "uploads="))
        try:
            tags = []
            for number, part in enumerate(_parts(path), 1):
                self.context.cancel.check()
                answer = self._ask("PUT", f"partNumber={number}&uploadId={upload}", part)
                tags.append(answer.headers.get("etag", ""))
            listed = "".join(
                f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
                for number, tag in enumerate(tags, 1)
            )
            body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
            # Of this request alone a server may say later that it failed.
            self._said("ETag", self._ask("POST", f"uploadId={upload}", body))
        except BaseException:
            with suppress(SeamlineError):
                self._ask("DELETE", f"uploadId={upload}")
            raise

    def _ask(self, method: str, query: str, body: bytes = b"") -> Answer:
        there = self.address.with_query(query)
        return self.client.ask(there, method=method, body=body, sha256=hashlib.sha256(body).hexdigest())

    def _said(self, name: str, answer: Answer) -> str:
        found = re.search(rf"<{name}>([^<]+)</{name}>", answer.body.decode(errors="replace"))
        if found is None:
            raise RunError("the server did not take the upload", where=self.address.shown, fix=AGAIN)
        return found[1]


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while part := stream.read(_PART):
            yield part
