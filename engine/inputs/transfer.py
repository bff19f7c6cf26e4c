"""Requests to servers: with time-outs, repeated where it helps, and sent on only to hosts that are allowed.

Requests are made here and not by GDAL, which follows a redirect wherever it leads, asks a name again for its address
after it was looked at, and takes two states of a file for one.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import RequestError, RunError
from ..request import OpenPolicy, Patience
from .addresses import Address, reachable, redirected
from .s3 import EMPTY, signed

_REDIRECTS, _MOST_REDIRECTS = (301, 302, 303, 307, 308), 5
_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_PIECE = 1 << 16
AGAIN = "run again once the server answers, with --resume where a run is unfinished"
"""What to do about a server that does not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: a status below 300, headers by their names in small letters, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Incomplete(Exception):
    """An answer is not whole or has stalled; asked again, the server may do better."""


class Client:
    """Makes requests, one at a time, over a connection that it keeps; belongs to one thread at a time."""

    def __init__(self, policy: OpenPolicy) -> None:
        self._policy = policy
        self._open: tuple[tuple[str, str, int], http.client.HTTPConnection] | None = None

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def ask(
        self,
        address: Address,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        sha256: str = EMPTY,
        most: int = 1 << 62,
    ) -> Answer:
        """The answer to a request.

        Args:
            sha256: of the body.
            most: bytes of the answer; of a longer one nothing is read.

        Raises:
            RequestError: the server refuses the request, sends on to another host, or answers at greater length.
            RunError: it did not answer, or not in whole, however often it was asked.
        """
        patience, why = self._policy.patience, ""
        for attempt in range(patience.attempts):
            if attempt:
                time.sleep(patience.first_delay_s * 2 ** (attempt - 1))
            try:
                answer = self._followed(address, method, headers or {}, body, sha256, most)
                if answer.status < 300:
                    return answer
                if answer.status not in _AGAIN:
                    raise _refusal(address, answer.status)
                why = f"the server answers {answer.status} {http.client.responses.get(answer.status, '')}".strip()
            except Incomplete as error:
                self.close()
                why = str(error)
        raise RunError(f"{why}, asked {patience.attempts} times", where=address.shown, fix=AGAIN)

    def _followed(
        self, address: Address, method: str, headers: Mapping[str, str], body: bytes, sha256: str, most: int
    ) -> Answer:
        there = address
        for _ in range(_MOST_REDIRECTS + 1):
            with _told(self._policy.patience):
                answer = self._once(there, method, headers, body, sha256, most, address.shown)
            if answer.status not in _REDIRECTS:
                return answer
            there = redirected(there, answer.headers.get("location", ""), self._policy)
        raise RequestError("the server sends on without end", where=address.shown, fix="check the address")

    def _once(
        self, there: Address, method: str, headers: Mapping[str, str], body: bytes, sha256: str, most: int, shown: str
    ) -> Answer:
        own = signed(method, there.authority, there.target, sha256) if there.bucket else {"host": there.authority}
        connection = self._connected(there)
        started = time.monotonic()
        connection.request(method, there.target, body or None, {**own, **headers, "accept-encoding": "identity"})
        response = connection.getresponse()
        known = {name.lower(): value for name, value in response.getheaders()}
        if response.status >= 300:
            # What a server says of a failure is nothing to go by.
            self.close()
            return Answer(response.status, known, b"")
        if response.status == 200 and "range" in headers:
            self.close()
            raise RequestError("the server gives no parts of files", where=shown, fix="download the file first")
        if response.length is not None and response.length > most:
            self.close()
            raise RequestError(
                f"the server answers with {response.length} bytes where {most} were asked for at most",
                where=shown,
                fix="download the file first",
            )
        content = bytearray()
        while piece := response.read1(_PIECE):
            content += piece
            spent = time.monotonic() - started - self._policy.patience.silence_s
            if spent * self._policy.patience.least_rate > len(content):
                raise Incomplete("the server has all but stalled")
            if len(content) > most:
                raise Incomplete("the server answers without end")
        if response.length:
            raise Incomplete("the answer of the server ends too early")
        response.close()
        if response.will_close:
            self.close()
        return Answer(response.status, known, bytes(content))

    def _connected(self, there: Address) -> http.client.HTTPConnection:
        origin = there.scheme, there.host, there.port
        if self._open is not None and self._open[0] == origin:
            return self._open[1]
        self.close()
        connection = http.client.HTTPConnection(there.host, there.port)
        connection.sock = _socket_to(there, self._policy.patience)
        # A connection that was closed is not opened anew without looking where it leads.
        connection.auto_open = 0
        self._open = origin, connection
        return connection


@contextmanager
def _told(patience: Patience) -> Iterator[None]:
    """Put what can go wrong on the way in words."""
    try:
        yield
    except TimeoutError as error:
        raise Incomplete(f"the server has been silent for {patience.silence_s:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise Incomplete(f"the certificate of the server is not valid ({error.verify_message})") from error
    except socket.gaierror as error:
        raise Incomplete("the name of the server is not known") from error
    except (http.client.IncompleteRead, ConnectionResetError, BrokenPipeError) as error:
        raise Incomplete("the answer of the server ends too early") from error
    except (http.client.HTTPException, OSError) as error:
        raise Incomplete(
            f"the server cannot be reached ({getattr(error, 'strerror', None) or type(error).__name__})"
        ) from error


def _socket_to(there: Address, patience: Patience) -> socket.socket:
    failure: OSError | None = None
    for ip in reachable(there):
        try:
            made = socket.create_connection((ip, there.port), timeout=patience.connect_s)
        except OSError as error:
            failure = error
            continue
        if there.scheme == "https":
            made = ssl.create_default_context().wrap_socket(made, server_hostname=there.host)
        made.settimeout(patience.silence_s)
        return made
    raise failure or OSError("no address")


def _refusal(address: Address, status: int) -> RequestError:
    if status in (404, 410):
        return RequestError("the server has no such file", where=address.shown, fix="check the address")
    if status in (401, 403):
        return RequestError(
            f"the server does not let it be read ({status})",
            where=address.shown,
            fix="check the address; sign it anew, or set the keys of the bucket in the environment",
        )
    name = http.client.responses.get(status, "")
    return RequestError(f"the server answers {status} {name}".strip(), where=address.shown, fix="check the address")
