"""From the proxy in QGIS's settings to the variables that pip reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from ..engine_process import EngineError
from ..text import tr


@dataclass(frozen=True)
class Proxy:
    """A proxy as Settings > Options > Network describes it.

    Attributes:
        kind: QGIS's word for its type, such as ``HttpProxy``.
        host, port: where it is.
        user, password: as they are, not quoted; empty without.
        excluded: addresses that are reached without it.
    """

    kind: str
    host: str
    port: str = ""
    user: str = ""
    password: str = ""
    excluded: tuple[str, ...] = ()


def proxy_variables(proxy: Proxy | None) -> dict[str, str]:
    """Variables for a child process; none without a proxy of QGIS's own, because pip asks the system by itself.

    Raises:
        EngineError: the proxy is of a kind that pip cannot use.
    """
    if proxy is None or not proxy.host or proxy.kind in ("DefaultProxy", "NoProxy"):
        return {}
    if proxy.kind == "Socks5Proxy":
        raise EngineError(
            tr("pip cannot use a SOCKS proxy"),
            where=tr("Settings > Options > Network"),
            fix=tr("choose an HTTP proxy there, or use an offline folder"),
        )
    login = quote(proxy.user, safe="") + (":" + quote(proxy.password, safe="") if proxy.password else "")
    address = "http://" + (login + "@" if proxy.user else "") + proxy.host + (":" + proxy.port if proxy.port else "")
    variables = {"http_proxy": address, "https_proxy": address}
    hosts = ",".join(_hosts(proxy.excluded))
    return {**variables, "no_proxy": hosts} if hosts else variables


def _hosts(addresses: Iterable[str]) -> list[str]:
    """``NO_PROXY`` takes hosts, QGIS keeps addresses."""
    parts = (urlsplit(address if "//" in address else "//" + address) for address in addresses)
    return [part.hostname for part in parts if part.hostname]
