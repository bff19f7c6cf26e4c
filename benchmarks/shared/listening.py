"""A port of this machine to which every request would go, should the program make one."""

from __future__ import annotations

import socket
from types import TracebackType


class Listener:
    """Counts who knocks; nobody is answered."""

    def __enter__(self) -> Listener:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._socket.setblocking(False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    @property
    def address(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/"

    @property
    def environment(self) -> tuple[tuple[str, str], ...]:
        """Variables that send the requests of common libraries here, wherever they are for."""
        return tuple((name, self.address) for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"))

    def heard(self) -> int:
        """How many have knocked since this was asked last."""
        count = 0
        while True:
            try:
                self._socket.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1
