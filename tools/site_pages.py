"""Pages of the site that lie beside ``docs/``, and the links between them and it: a hook of MkDocs (``mkdocs.yml``).

Links are written as the repository lays its files.  On the site ``docs/`` is the top, and what lies beside it is in it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

BESIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md")
_TARGET = re.compile(r"(?<=\]\()(?!\w+:)[^)#\s]+")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """``files`` with the pages beside ``docs/``, each at the path that it has in the repository."""
    from mkdocs.structure.files import File

    root = Path(config.config_file_path).parent
    for name in BESIDE:
        files.append(File.generated(config, name, abs_src_path=str(root / name)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """The text of a page with its links as the site lays the files."""
    return _TARGET.sub(lambda match: site_path(match[0], page.file.src_uri), markdown)


def site_path(target: str, page: str) -> str:
    """The path on the site, from ``page``, of what ``target`` names in the repository; what is not on the site stays.

    Args:
        target: a relative path, as the page gives it.
        page: the path of the page on the site, from the top.
    """
    folder = posixpath.dirname(page if page in BESIDE else f"docs/{page}")
    named = posixpath.normpath(posixpath.join(folder, target))
    if named in BESIDE or named.startswith("docs/"):
        return posixpath.relpath(named.removeprefix("docs/"), posixpath.dirname(page) or ".")
    return target
