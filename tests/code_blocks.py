"""The code blocks of the pages: what they are, where they stand, and why one is not run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<unrun>[^>]+) -->\n+)?(?:^`(?P<file>[\w./]+)`\n\n)?"
    r"^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: its file.
        line: of the fence, from 1.
        language: after the fence; empty for commands of a shell.
        text: between the fences.
        file: name of the file that it is the content of; empty where none stands above it.
        unrun: why it is not run, as a comment above it says; empty where it is.
    """

    page: Path
    line: int
    language: str
    text: str
    file: str
    unrun: str

    @property
    def is_shell(self) -> bool:
        """Whether a shell takes it."""
        return self.language in ("", "bash")

    @property
    def where(self) -> str:
        """Page and line, for whoever has to look."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The commands of a shell, one each, without comments; what goes on over lines is joined."""
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        return [bare for line in lines if (bare := re.sub(r"(^|\s)#.*", "", line).strip())]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("language")) + 1
        found.append(
            Block(page, line, match["language"], match["text"], match["file"] or "", (match["unrun"] or "").strip())
        )
    assert len(re.findall(r"^ *```", text, re.MULTILINE)) == 2 * len(found), f"{page}: a block that is not read"
    return found
