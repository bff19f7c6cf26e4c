"""Only files in the folders of the page can be named, whatever is typed and wherever links lead."""

from __future__ import annotations

import numpy as np
import pytest

from seamline.app.desk import Desk
from seamline.app.folders import Folders
from seamline.engine.errors import RequestError


@pytest.fixture
def allowed(tmp_path):
    """A folder of the page with a file in it, and a secret beside it."""
    inside = tmp_path / "scenes"
    inside.mkdir()
    (inside / "a.tif").write_bytes(b"a")
    (tmp_path / "secret.tif").write_bytes(b"s")
    return inside


def test_files_inside_are_found_by_relative_and_absolute_paths(allowed):
    folders = Folders.of([allowed])
    assert folders.readable("a.tif") == folders.readable(str(allowed / "a.tif")) == str(allowed / "a.tif")
    assert folders.readable("a.tif, a.tif") == f"{allowed / 'a.tif'},{allowed / 'a.tif'}"
    assert folders.writable("out.tif") == allowed / "out.tif"
    assert folders.listed() == ["a.tif"]


@pytest.mark.parametrize(
    "named",
    [
        "../secret.tif",
        "a.tif,../secret.tif",
        "x/../../secret.tif",
        "{outside}/secret.tif",
        "/etc/hostname",
        "/vsicurl/http://example.org/a.tif",
        "/vsizip//etc/a.zip/a.tif",
        "~/a.tif",
        "http://example.org/a.tif",
        "s3://bucket/a.tif",
        "a.tif\0",
        "",
    ],
)
def test_nothing_else_can_be_read(allowed, named):
    with pytest.raises(RequestError):
        Folders.of([allowed]).readable(named.format(outside=allowed.parent))


def test_a_link_is_what_it_leads_to(allowed, tmp_path):
    (allowed / "link.tif").symlink_to(tmp_path / "secret.tif")
    (allowed / "round").symlink_to(allowed / "round")
    (allowed / "out").symlink_to(tmp_path)
    folders = Folders.of([allowed])
    for named in ("link.tif", "out/secret.tif", "round"):
        with pytest.raises(RequestError):
            folders.readable(named)
    for named in ("../out.tif", "out/o.tif", "link.tif", "missing/o.tif", "http://example.org/o.tif"):
        with pytest.raises(RequestError):
            folders.writable(named)
    (allowed / "again.tif").symlink_to(allowed / "a.tif")
    assert folders.readable("again.tif") == str(allowed / "a.tif")


def test_a_folder_reached_by_a_link_is_the_folder_itself(allowed, tmp_path):
    (tmp_path / "scenes-link").symlink_to(allowed)
    assert Folders.of([tmp_path / "scenes-link"]).readable("a.tif") == str(allowed / "a.tif")
    with pytest.raises(RequestError, match="no such folder"):
        Folders.of([tmp_path / "missing"])


@pytest.mark.parametrize("beside", ["image.tif.msk", "image.tif.ovr"])
def test_a_file_beside_an_image_that_leads_outside_is_refused(write_raster, tmp_path, beside):
    (tmp_path / "scenes").mkdir()
    write_raster("scenes/image.tif", np.full((1, 8, 8), 7, np.uint8))
    secret = write_raster("secret.tif", np.full((1, 8, 8), 255, np.uint8))
    desk = Desk(Folders.of([tmp_path / "scenes"]))
    assert desk.open("superres", "image.tif", "")[0].inputs
    (tmp_path / "scenes" / beside).symlink_to(secret)
    with pytest.raises(RequestError, match="outside the folders"):
        desk.open("superres", "image.tif", "")
