"""Addresses of files on servers: which may be read, and from which machines.

A host is asked only where the user allowed it by name.  A name that leads to this machine or into its network is not
followed there: only a host that was allowed as such an address, or as ``localhost``, is.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, replace
from urllib.parse import quote, urljoin, urlsplit

from ..errors import RequestError
from ..request import OpenPolicy
from .s3 import Endpoint

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_PORTS = {"http": 80, "https": 443}
# What stands in a path as it is; a per cent sign is one of an encoding already.
_SAFE = "/%:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Address:
    """A file on a server.

    Attributes:
        shown: as it is said and written, without a query.
        scheme: ``http`` or ``https``.
        host: in small letters, IPv6 addresses without brackets.
        port: of the host.
        target: path and query as they are sent.
        bucket: whether requests are signed as those to an S3 bucket are.
    """

    shown: str
    scheme: str
    host: str
    port: int
    target: str
    bucket: bool = False

    def with_query(self, query: str) -> Address:
        """The same with a query, encoded."""
        return replace(self, target=f"{self.target}?{query}") if query else self

    @property
    def authority(self) -> str:
        """Host and, where it is not the usual one, port, as requests name them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def is_address(path: str) -> bool:
    """Whether a path is the address of something on a server, of any kind."""
    return _SCHEME.match(path) is not None


def address_of(path: str, policy: OpenPolicy) -> Address:
    """The address that a path is, with the query that was given with it.

    Raises:
        RequestError: it is of no kind that is read, holds a password, or its host is not allowed.
    """
    found = _SCHEME.match(path)
    scheme = "" if found is None else found[1].lower()
    if scheme == "s3":
        address = _in_bucket(path)
    elif scheme in _PORTS:
        query = dict(policy.queries).get(path)
        address = _on_web(path if query is None else f"{path}?{query}", path)
    else:
        raise RequestError(
            "it is no address that is read",
            where=_shown(path),
            fix="give one of http, https or s3, or download it first",
        )
    _check_allowed(address, policy)
    return address


def redirected(address: Address, location: str, policy: OpenPolicy) -> Address:
    """Where a server sends on to.

    Raises:
        RequestError: to a host that is not allowed, or from an encrypted connection to an open one.
    """
    whole = urljoin(f"{address.scheme}://{address.authority}{address.target}", location)
    try:
        there = _on_web(whole, _shown(whole))
        if address.scheme == "https" and there.scheme != "https":
            raise RequestError("", fix="")
        _check_allowed(there, policy)
    except RequestError as error:
        raise RequestError(
            f"the server sends on to {_shown(whole)}", where=address.shown, fix=error.fix or "give an address of https"
        ) from error
    return there


def reachable(address: Address) -> list[str]:
    """IP addresses of a host, the first of them to be tried first.

    Raises:
        OSError: the name has none.
        RequestError: it leads to this machine or into its network, and was not allowed as such.
    """
    if _is_literal(address.host):
        return [address.host]
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    ips = list(dict.fromkeys(str(each[4][0]) for each in found))
    if address.host != "localhost" and not all(map(_is_public, ips)):
        raise RequestError(
            f"the name {address.host} leads into a private network",
            where=address.shown,
            fix="give the address with the IP address of that server, and allow that one with --allow-host",
        )
    return ips


def _in_bucket(path: str) -> Address:
    endpoint = Endpoint.of_environment()
    bucket, _, key = path.partition("://")[2].partition("/")
    if not (re.fullmatch(r"[A-Za-z0-9._-]+", bucket) and key):
        raise RequestError("it names no file of a bucket", where=path, fix="give s3://BUCKET/KEY")
    return Address(path, endpoint.scheme, endpoint.host, endpoint.port, f"/{bucket}/{quote(key, safe='/~')}", True)


def _on_web(whole: str, shown: str) -> Address:
    try:
        parts = urlsplit(whole)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.username is not None or parts.password is not None:
        raise RequestError(
            "it holds a user's name or password", where=_shown(whole), fix="give it without, as a signed address"
        )
    if not host or not host.isascii() or parts.scheme not in _PORTS:
        raise RequestError("it is no address of a file", where=_shown(shown), fix="give https://HOST/PATH")
    if "?" in shown or "#" in shown:
        raise RequestError(
            "it has a query or a fragment, which no file has", where=_shown(shown), fix="give it without"
        )
    query = f"?{quote(parts.query, safe=_SAFE + '?')}" if parts.query else ""
    target = quote(parts.path, safe=_SAFE) or "/"
    return Address(shown, parts.scheme, host, port or _PORTS[parts.scheme], target + query)


def _check_allowed(address: Address, policy: OpenPolicy) -> None:
    usual = address.port == _PORTS[address.scheme]
    for entry in policy.hosts:
        allowed = urlsplit(f"//{entry}")
        if allowed.hostname == address.host and (allowed.port == address.port or (allowed.port is None and usual)):
            return
    raise RequestError(
        f"it lies on the server {address.authority}, which may not be read from",
        where=address.shown,
        fix=f"pass --allow-host {address.authority} if you trust it, or download the file first",
    )


def _shown(path: str) -> str:
    """An address without what may be a secret in it."""
    return re.sub(r"//[^/@]*@", "//", re.split(r"[?#]", path)[0])


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_public(ip: str) -> bool:
    # A scope, which link-local addresses have, is no part of the address.
    found = ipaddress.ip_address(ip.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_global and not (mapped or found).is_multicast
