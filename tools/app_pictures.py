"""Take the pictures of the browser app for the documentation anew: ``python -m seamline.tools.app_pictures FOLDER``.

The scene is that of ``seamline demo``; the browser is that of the tests.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from seamline.app.desk import Desk
from seamline.app.folders import Folders
from seamline.app.serve import bound, serving
from seamline.cli.demo_scene import write_scene
from seamline.tests.browser import browsing

_SIZE_PX = 768
_PATIENCE_MS = 180_000


def main() -> None:
    """Write ``app-preview.png`` and ``app-evaluation.png`` into a folder."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m seamline.tools.app_pictures FOLDER")
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        write_scene(Path(name), _SIZE_PX)
        desk = Desk(Folders.of([Path(name)]))
        with (
            serving(desk, bound("127.0.0.1", 0), ("127.0.0.1",)) as address,
            browsing(1100, 3400) as (page, _),
        ):
            page.set_default_timeout(_PATIENCE_MS)
            _take(page, address, target)


def _take(page, address: str, target: Path) -> None:
    page.goto(address)
    page.locator(".note b").first.wait_for()
    for field, name in (("main", "demo_ms.tif"), ("beside", "demo_pan.tif")):
        page.locator(f"#{field} input").fill(name)
        page.locator(f"#{field} input").press("Enter")
    page.get_by_role("button", name="Open").click()
    page.locator(".look img").wait_for()
    for name, value in (("Column", 200), ("Row", 260), ("Width", 320), ("Height", 200)):
        page.get_by_label(name, exact=True).fill(str(value))
        page.keyboard.press("Tab")
    page.get_by_role("button", name="Preview").click()
    page.locator("#swipe img").first.wait_for()
    page.get_by_role("button", name="Evaluate").click()
    page.locator("#metrics td").first.wait_for()
    page.mouse.move(1, 1)
    page.wait_for_timeout(1000)
    parts = {"app-preview.png": ("h1", "h2 >> nth=4"), "app-evaluation.png": ("h2 >> nth=6", None)}
    for name, (first, last) in parts.items():
        shot = page.screenshot(full_page=True, clip=_between(page, first, last))
        with Image.open(io.BytesIO(shot)) as picture:
            picture.convert("RGB").quantize(256).save(target / name, optimize=True)


def _between(page, first: str, last: str | None) -> dict[str, float]:
    """The part of the page from one heading to the next, or to its end; the page is no longer than the window."""
    top = page.locator(first).first.bounding_box()["y"] - 8
    below = page.locator("#metrics" if last is None else last).bounding_box()
    end = below["y"] + below["height"] + 16 if last is None else below["y"] - 8
    return {"x": 0, "y": top, "width": page.viewport_size["width"], "height": end - top}


if __name__ == "__main__":
    main()
