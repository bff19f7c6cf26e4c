"""The page in an offline bundle that says what to do with it on the other computer."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Contents:
    """What a bundle holds.

    Attributes:
        version: of Seamline.
        system: that the wheels are for, as ``sysconfig`` names it.
        python: minor version that the wheels are for.
        torch: the build of PyTorch, in words.
        extras: of Seamline whose requirements are there.
        plugin: file name of the plugin's zip.
        standalone: file name of the archive of a Python; empty without.
    """

    version: str
    system: str
    python: str
    torch: str
    extras: tuple[str, ...]
    plugin: str
    standalone: str


def page(contents: Contents) -> str:
    """The page, which needs no other file."""
    version, python = escape(contents.version), escape(contents.python)
    extras = f" The extras {escape(', '.join(contents.extras))} are there too." if contents.extras else ""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Install Seamline {version} without a network</title>
<style>body{{font-family:sans-serif;max-width:50em;margin:2em auto;padding:0 1em;line-height:1.5}}
pre{{background:#f3f3f3;padding:.8em;overflow:auto}}</style></head><body>
<h1>Install Seamline {version} without a network</h1>
<p>This folder is for {escape(contents.system)} and Python {python}, with PyTorch for: {escape(contents.torch)}.{extras}
Copy all of it to the other computer.</p>
<h2>In QGIS</h2>
<ol>
<li>Plugins &gt; Manage and Install Plugins &gt; Install from ZIP:
<code>{escape(contents.plugin)}</code> in this folder.</li>
<li>Raster &gt; Seamline &gt; Set up the engine.</li>
<li><i>Offline folder</i>: choose this folder. <i>Python</i>: {_choice(contents)}.</li>
<li>Press <i>Set up</i>. Every wheel is compared with <code>SHA256SUMS</code> before anything is installed; at the end
the engine examines itself.</li>
</ol>
<h2>In a terminal</h2>
<p>In this folder:</p>
<pre>{escape(chr(10).join(commands(contents)))}</pre>
<p>The last command says what works and, where something does not, what to do.</p>
</body></html>
"""


def commands(contents: Contents) -> list[str]:
    """What is typed in this folder, line by line."""
    is_windows = contents.system.startswith("win")
    program = "seamline-env\\Scripts\\" if is_windows else "seamline-env/bin/"
    check = {"win": "", "mac": "shasum -a 256 -c SHA256SUMS"}.get(contents.system[:3], "sha256sum -c SHA256SUMS")
    python = f"py -{contents.python}" if is_windows else f"python{contents.python}"
    unpack = ""
    if contents.standalone:
        unpack = f"tar xf {contents.standalone}"
        python = "python\\python.exe" if is_windows else "python/bin/python3"
    extras = f"[{','.join(contents.extras)}]" if contents.extras else ""
    wanted = f'"seamline{extras}=={contents.version}"'
    lines = [
        check,
        unpack,
        f"{python} -m venv seamline-env",
        f"{program}python -m pip install --no-index --find-links . --only-binary :all: {wanted}",
        f"{program}seamline doctor",
    ]
    return [line for line in lines if line]


def _choice(contents: Contents) -> str:
    """Which Python to choose on the page."""
    if contents.standalone:
        return "the one <i>which set-up brings</i>; agree, and it is taken from this folder"
    return f"a Python {escape(contents.python)}; the wheels fit no other"
