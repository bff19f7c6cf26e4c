"""The site holds every page of the documentation, shows what the repository shows, and asks no other host."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "tools"))

import site_pages  # noqa: E402


def pages_in(nav) -> list[str]:
    """The pages that a part of the navigation names, in order, as paths on the site."""
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in pages_in(part)]


# Tags of Python are MkDocs's to read: here each value is the text that it is.
NAV = pages_in(yaml.load((ROOT / "mkdocs.yml").read_text(), Loader=yaml.BaseLoader)["nav"])


def source(page: str) -> Path:
    """The file of a page of the site."""
    return (ROOT if page in site_pages.BESIDE else DOCS) / page


def test_every_page_is_in_the_navigation_once_and_every_entry_is_a_page():
    pages = [str(page.relative_to(DOCS).as_posix()) for page in DOCS.rglob("*.md")]
    assert sorted(NAV) == sorted([*pages, *site_pages.BESIDE])
    assert all(source(page).is_file() for page in NAV)


@pytest.mark.parametrize("page", NAV)
def test_links_lead_to_the_same_file_on_the_site_as_in_the_repository(page):
    for target in re.findall(r"\]\((?!\w+:)([^)#\s]+)", source(page).read_text()):
        at_site = (Path("/") / page).parent / site_pages.site_path(target, page)
        reached = source(str(Path("/").joinpath(at_site).resolve().relative_to("/")))
        assert reached.resolve() == (source(page).parent / target).resolve(), target


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """MkDocs's strict build of a configuration."""
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(site)]
    return subprocess.run(command, cwd=config.parent, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The folder of the site, built anew."""
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT / "mkdocs.yml", folder)
    assert built.returncode == 0, built.stderr
    return folder


def html(site: Path, page: str) -> str:
    """The page as it was built."""
    return (site / page.replace("README.md", "index.md")).with_suffix(".html").read_text(encoding="utf-8")


def test_the_strict_build_refuses_lost_links_anchors_and_pages(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Top\n\n[a](lost-link.md) [b](#lost-anchor)\n")
    (tmp_path / "docs" / "lost-page.md").write_text("# Page\n")
    child = {"INHERIT": str(ROOT / "mkdocs.yml"), "hooks": [], "nav": ["index.md", "lost-entry.md"]}
    child["theme"] = {"custom_dir": str(ROOT / "tools" / "site_theme")}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(child))
    built = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert built.returncode != 0
    named = set(re.findall(r"#?lost-\w+", re.sub(r"^INFO.*(\n  .*)*", "", built.stderr, flags=re.MULTILINE)))
    assert named == {"lost-link", "#lost-anchor", "lost-entry", "lost-page"}


class Loads(HTMLParser):
    """The addresses that a page loads by itself."""

    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag != "a":
            self.found += [value for name, value in attrs if value and name in {"src", "srcset", "href", "data"}]


def test_no_page_asks_another_host(site):
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        text = path.read_text(encoding="utf-8")
        loads = Loads()
        if path.suffix == ".html":
            loads.feed(text)
        styles = re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')\s]+)", text)
        assert [name for name in [*loads.found, *styles] if re.match(r"(\w+:)?//", name)] == [], path.name
        # With these the theme's script asks for stars of a repository, and for a drawing library.
        assert 'data-md-component="source"' not in text
        assert 'class="mermaid"' not in text


def test_pages_opened_as_files_can_be_searched(site):
    assert (site / "search" / "search_index.js").read_text(encoding="utf-8").startswith("var __index = {")
    scripts = re.findall(r'<script src="([^"]+iframe-worker[^"]*)"', html(site, "how-to/qgis.md"))
    assert [(site / "how-to" / script).is_file() for script in scripts] == [True]


class Shown(HTMLParser):
    """What a reader sees of Markdown made into HTML: its words, between the marks of what they stand in."""

    MARKS = re.compile(r"h[1-6]|table|tr|th|td|[uo]l|li|pre|code|img|em|strong|a|blockquote|hr")

    def __init__(self):
        super().__init__()
        self.parts: list[str] = []
        self.in_link_to_itself = False

    def handle_starttag(self, tag, attrs):
        self.in_link_to_itself = ("class", "headerlink") in attrs
        if self.MARKS.fullmatch(tag) and not self.in_link_to_itself:
            self.parts.append(f" <{tag}> ")

    def handle_endtag(self, tag):
        if self.MARKS.fullmatch(tag) and not self.in_link_to_itself:
            self.parts.append(f" </{tag}> ")
        self.in_link_to_itself = False

    def handle_data(self, data):
        if not self.in_link_to_itself:
            self.parts.append(data)


def shown(text: str) -> list[str]:
    """The words and marks of HTML."""
    reader = Shown()
    reader.feed(text)
    return "".join(reader.parts).split()


@pytest.mark.parametrize("page", NAV)
def test_a_page_reads_on_the_site_as_in_the_repository(site, page):
    article = re.search(r"<article.*?</article>", html(site, page), re.DOTALL)
    assert shown(article[0]) == shown(MarkdownIt("commonmark").enable("table").render(source(page).read_text()))
