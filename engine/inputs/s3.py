"""S3 as the environment describes it: where its buckets are, and the signature of requests.

The variables are those that GDAL and Amazon's tools take.  Buckets are named in the path, as all such servers take it.
Signatures follow Signature Version 4 (AWS, "Create a signed AWS API request").
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from ..errors import RequestError

_ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY = hashlib.sha256(b"").hexdigest()
"""sha256 of no content."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The server that has the buckets: scheme, host and port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of_environment(cls) -> Endpoint:
        """That of AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or AWS_S3_ENDPOINT, else Amazon's of the region.

        Raises:
            RequestError: a variable names no server.
        """
        named = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_S3_ENDPOINT")
        variable = next((name for name in named if os.environ.get(name)), None)
        given = f"s3.{_region()}.amazonaws.com" if variable is None else os.environ[variable]
        # GDAL's variable has no scheme.
        scheme = "http" if os.environ.get("AWS_HTTPS", "").upper() in ("NO", "FALSE", "OFF", "0") else "https"
        try:
            parts = urlsplit(given if "://" in given else f"{scheme}://{given}")
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            host, port, parts = "", None, urlsplit("")
        if not host or parts.scheme not in ("http", "https") or parts.username is not None:
            raise RequestError(
                "it names no server", where=str(variable), fix="set it to an address such as https://example.org:9000"
            )
        return cls(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))


def signed(method: str, authority: str, target: str, content: str, now: datetime | None = None) -> dict[str, str]:
    """Headers of a request to a bucket: signed where the environment has keys, else open.

    Args:
        target: path and query as they are sent.
        content: sha256 of the body.
        now: None for the time it is.
    """
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": authority, "x-amz-content-sha256": content, "x-amz-date": moment}
    if os.environ.get("AWS_REQUEST_PAYER"):
        headers["x-amz-request-payer"] = os.environ["AWS_REQUEST_PAYER"]
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    unsigned = os.environ.get("AWS_NO_SIGN_REQUEST", "").upper() in ("YES", "TRUE", "ON", "1")
    if not key or not secret or unsigned:
        return headers
    if os.environ.get("AWS_SESSION_TOKEN"):
        headers["x-amz-security-token"] = os.environ["AWS_SESSION_TOKEN"]
    scope = f"{moment[:8]}/{_region()}/s3/aws4_request"
    names = ";".join(sorted(headers))
    signature = _signature(secret, scope, moment, _canonical(method, target, headers, content))
    return headers | {
        "authorization": f"{_ALGORITHM} Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
    }


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def _canonical(method: str, target: str, headers: Mapping[str, str], content: str) -> str:
    path, _, query = target.partition("?")
    # A parameter without a value is signed with an empty one.
    pairs = sorted(pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair)
    lines = [f"{name}:{headers[name].strip()}" for name in sorted(headers)]
    return "\n".join([method, path, "&".join(pairs), *lines, "", ";".join(sorted(headers)), content])


def _signature(secret: str, scope: str, moment: str, canonical: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
