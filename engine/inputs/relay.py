"""Parts of a file for GDAL, over a connection within this machine.

GDAL's own reader of files on servers gets what it asks for from here and from nowhere else, so that it follows no
redirect and knows no address, key or signature.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_POLL_S = 0.02
# Of a connection within this machine: no directory, no second attempt, no proxy.
_OPTIONS = "use_head=yes&list_dir=no&empty_dir=yes&max_retry=0&proxy="


class Relay:
    """Gives GDAL one file, and nothing beside it.

    Args:
        read: ``read(start, count)`` gives bytes, fewer where the file ends, none where they cannot be had.
        size: of the file, bytes.

    Attributes:
        path: by which GDAL opens the file; nobody else on this machine can guess it.
    """

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        place = f"/{secrets.token_urlsafe()}"

        class Handler(_Handler):
            def do_HEAD(self) -> None:
                self.send_response(200 if self.path == place else 404)
                self.send_header("Content-Length", str(size))
                self.send_header("Accept-Ranges", "bytes")
                self.end_headers()

            def do_GET(self) -> None:
                found = _RANGE.fullmatch(self.headers.get("Range", ""))
                if found is None or self.path != place:
                    self.send_error(404)
                    return
                start, last = int(found[1]), min(int(found[2] or size), size - 1)
                content = read(start, last - start + 1)
                if not content or len(content) != last - start + 1:
                    self.send_error(410)
                    return
                self.send_response(206)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Content-Range", f"bytes {start}-{last}/{size}")
                self.end_headers()
                # Whoever has hung up wants it no more.
                with contextlib.suppress(OSError):
                    self.wfile.write(content)

        self._server = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True).start()
        url = f"http://127.0.0.1:{self._server.server_address[1]}{place}"
        self.path = f"/vsicurl?{_OPTIONS}&url={quote(url, safe='')}"

    def close(self) -> None:
        """Give no more."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing: whoever hangs up wants no answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Small answers would wait for one another.
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Nothing."""
