"""From what pip says to one sentence with a fix."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..engine_process import EngineError
from ..text import tr


def explain(title: str, lines: Sequence[str], code: int) -> EngineError:
    """The error of a step that failed.

    Args:
        title: of the step.
        lines: the last lines that it printed.
        code: its exit code.
    """
    found = known(title, "\n".join(lines))
    if found is not None:
        return found
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    what = tr("it stopped with exit code {code}").format(code=code)
    return EngineError(f"{what}: {last}" if last else what, where=title, fix=tr("the log says more; try again"))


def known(title: str, text: str) -> EngineError | None:
    """The error whose cause is found in a text; None where none is.

    Args:
        title: of what was done.
        text: what pip, the network or the system said.
    """
    for pattern, what, fix in _causes():
        found = re.search(pattern, text, re.IGNORECASE)
        if found:
            subject = next((group for group in found.groups() if group), "")
            return EngineError(what.format(subject=subject), where=title, fix=fix)
    return None


def _causes() -> tuple[tuple[str, str, str], ...]:
    """Pattern, what it means, what to do; the first that is found counts."""
    return (
        (
            r"No space left on device|WinError 112|not enough space on the disk",
            tr("the disk is full"),
            tr("free some space, or choose a folder on another disk; what is done is kept"),
        ),
        (
            r"407:? Proxy Auth|ProxyError|Tunnel connection failed",
            tr("the proxy refused the connection"),
            tr("give its name and password in Settings > Options > Network, or use an offline folder"),
        ),
        (
            r"CERTIFICATE_VERIFY_FAILED|SSLError|SSL: ",
            tr("the connection is not trusted, as happens where a firewall looks into it"),
            tr(
                "ask your administrator for its certificate and set PIP_CERT to that file in Settings > Options >"
                " System > Environment, or use an offline folder"
            ),
        ),
        (
            r"SOCKS support",
            tr("pip cannot use a SOCKS proxy"),
            tr("give an HTTP proxy in Settings > Options > Network, or use an offline folder"),
        ),
        (
            r"Temporary failure in name resolution|getaddrinfo failed|NewConnectionError|Read ?timed ?out"
            r"|Network is unreachable|ConnectionResetError|Connection aborted|nodename nor servname"
            r"|Name or service not known|Connection refused|timed out|Remote end closed|WinError 100\d\d",
            tr("the network cannot be reached, or broke off"),
            tr("try again: what is done is kept; without a network use an offline folder"),
        ),
        (
            r"No matching distribution found for ([^\s;,(]+)|requested \(constraint\) (\S+)",
            tr("there is no {subject} for this Python and computer"),
            tr("add its wheel to the offline folder, or choose another Python or PyTorch build"),
        ),
        (
            r"Read-only file system",
            tr("the folder is on a disk that cannot be written"),
            tr("choose another folder"),
        ),
        (
            r"failed to map segment|noexec",
            tr("no program may be started from this disk (it is mounted noexec)"),
            tr("choose a folder on another disk"),
        ),
        (
            r"WinError 5\b|WinError 32\b|Permission denied|Access is denied",
            tr("a file could not be written, or another program held it"),
            tr("close other programs, let the antivirus pass the folder, or choose another one, then try again"),
        ),
        (
            r"(?:ensurepip|venv).*(?:is )?not (?:available|created)|No module named '?(?:ensurepip|venv)",
            tr("this Python cannot make environments"),
            tr("choose another Python; on Debian and Ubuntu install its package python3-venv"),
        ),
    )
