"""Sources are fetched by commit and checked; a prepared folder is compared by digest.  No test reaches the network."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from seamline.engine.errors import RequestError, RunError
from seamline.training.data.digest import (
    compare,
    dataset_digest,
    dataset_files,
    file_digest,
    folder_digests,
    published_digests,
)
from seamline.training.data.fetch import LARGEST_FILE, LOCK, Origin, fetch, main, open_https, origins

COMMIT = "0123456789abcdef0123456789abcdef01234567"
RAW = f"https://raw.githubusercontent.com/some/repo/{COMMIT}/"


def git_hash(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


class Host:
    """A host with the files of one commit; it counts what it is asked for, and may serve other bytes or break off."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.served = dict(files)
        self.asked: list[str] = []
        self.sizes: dict[str, int] = {}
        self.truncated = False
        self.down_after: int | None = None

    def __call__(self, url: str) -> io.BytesIO:
        self.asked.append(url)
        if self.down_after is not None and len(self.asked) > self.down_after:
            raise OSError("no route to host")
        if url.startswith("https://api.github.com/repos/some/repo/git/trees/" + COMMIT):
            rows = [
                {"path": p, "type": "blob", "size": self.sizes.get(p, len(c)), "sha": git_hash(c)}
                for p, c in self.files.items()
            ]
            tree = {"tree": [{"path": "data", "type": "tree", "sha": "0"}, *rows], "truncated": self.truncated}
            return io.BytesIO(json.dumps(tree).encode())
        return io.BytesIO(self.served[unquote(url.removeprefix(RAW))])


FILES = {"data/a (Raw).tif": b"a" * 3000, "data/b/1.png": b"one", "data/b/2.png": b"two", "README.md": b"no"}


def origin(**files: str | None) -> Origin:
    chosen = files or {"data/a (Raw).tif": None, "*/b/*.png": None}
    return Origin("some", ("x",), "some/repo", COMMIT, "A", "CC0 1.0", "Someone", chosen)


def test_only_the_named_files_are_fetched_and_a_second_run_needs_no_network(tmp_path):
    host = Host(FILES)
    assert fetch(origin(), tmp_path, host) == 3
    for name in ("data/a (Raw).tif", "data/b/1.png", "data/b/2.png"):
        assert (tmp_path / "some" / name).read_bytes() == FILES[name]
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 4
    locked = json.loads((tmp_path / LOCK).read_text())["some"]
    assert locked["commit"] == COMMIT
    assert locked["files"][1]["sha256"] == hashlib.sha256(b"one").hexdigest()
    host.down_after = 0
    assert fetch(origin(), tmp_path, host) == 0


def test_a_broken_fetch_goes_on_where_it_stopped(tmp_path):
    host = Host(FILES)
    host.down_after = 2
    with pytest.raises(RunError, match=r"cannot be reached.*what is there is kept"):
        fetch(origin(), tmp_path, host)
    assert (tmp_path / "some" / "data/a (Raw).tif").exists()
    assert not list(tmp_path.rglob("*.partial"))
    host.down_after = None
    assert fetch(origin(), tmp_path, host) == 2
    assert len(host.asked) == 3 + 2  # the tree is not listed again


def test_a_damaged_file_is_fetched_again(tmp_path):
    host = Host(FILES)
    fetch(origin(), tmp_path, host)
    (tmp_path / "some" / "data/b/1.png").write_bytes(b"0ne")
    assert fetch(origin(), tmp_path, host) == 1
    assert (tmp_path / "some" / "data/b/1.png").read_bytes() == b"one"


@pytest.mark.parametrize("served", [b"0ne", b"on", b"one and more"])
def test_other_bytes_than_the_commits_are_refused(tmp_path, served):
    host = Host(FILES)
    host.served["data/b/1.png"] = served
    with pytest.raises(RunError, match=r"git hash|bytes"):
        fetch(origin(), tmp_path, host)
    assert not (tmp_path / "some" / "data/b/1.png").exists()
    assert not list(tmp_path.rglob("*.partial"))


def test_the_manifests_and_the_locks_sha256_hold(tmp_path):
    good = hashlib.sha256(b"one").hexdigest()
    assert fetch(origin(**{"data/b/1.png": good}), tmp_path / "good", Host(FILES)) == 1
    with pytest.raises(RunError, match="SHA-256"):
        fetch(origin(**{"data/b/1.png": "0" * 64}), tmp_path / "bad", Host(FILES))
    lock = tmp_path / "good" / LOCK
    lock.write_text(lock.read_text().replace(good, "1" * 64))
    with pytest.raises(RunError, match="SHA-256"):
        fetch(origin(**{"data/b/1.png": good}), tmp_path / "good", Host(FILES))


def test_what_a_commit_does_not_hold_or_must_not_hold_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"no file 'x\*.tif' at commit 0123456789ab"):
        fetch(origin(**{"x*.tif": None}), tmp_path, Host(FILES))
    with pytest.raises(RunError, match="leads out of the folder"):
        fetch(origin(**{"*.tif": None}), tmp_path, Host({"../../a.tif": b""}))
    host = Host(FILES)
    host.sizes["data/b/1.png"] = LARGEST_FILE + 1
    with pytest.raises(RunError, match="more than"):
        fetch(origin(), tmp_path, host)
    host.truncated = True
    with pytest.raises(RunError, match="too long"):
        fetch(origin(), tmp_path, host)
    with pytest.raises(RunError, match="did not answer with the tree"):
        fetch(origin(), tmp_path, lambda url: io.BytesIO(b"<html>"))
    assert not (tmp_path / "some").exists()


def test_a_folder_keeps_to_one_commit(tmp_path):
    fetch(origin(), tmp_path, Host(FILES))
    (tmp_path / LOCK).write_text((tmp_path / LOCK).read_text().replace(COMMIT, "f" * 40))
    with pytest.raises(RequestError, match="fetched at commit ffffffffffff, not 0123456789ab; begin a new folder"):
        fetch(origin(), tmp_path, Host(FILES))


def test_only_https_is_opened_and_followed(monkeypatch):
    with pytest.raises(RunError, match="not HTTPS"):
        open_https("http://example.org/a")
    answer = io.BytesIO(b"content")
    answer.url = "http://example.org/a"
    monkeypatch.setattr("seamline.training.data.fetch.urlopen", lambda request, timeout: answer)
    with pytest.raises(RunError, match="leads away"):
        open_https("https://example.org/a")
    assert answer.closed


def test_the_manifest_is_whole():
    found = origins()
    assert len({o.name for o in found}) == len(found) == 25
    for o in found:
        assert re.fullmatch(r"[0-9a-f]{40}", o.commit)
        assert re.fullmatch(r"[\w-]+/[\w-]+", o.repository)
        assert o.grade in {"A", "B", "A/B"}
        assert o.licence
        assert o.attribution
        assert o.files
        assert all(sha is None or re.fullmatch(r"[0-9a-f]{64}", sha) for sha in o.files.values())
    made = {name for o in found for name in o.datasets}
    assert made == published_digests().keys() - {"splits.json", "quality"}


def test_the_command_line_lists_fetches_and_says_what_fails(tmp_path, capsys):
    assert main(["--list", "--only", "naip"]) == 0
    assert "USDA NAIP" in capsys.readouterr().out
    assert main([]) == 2
    assert main([str(tmp_path), "--only", "nap"]) == 2
    assert "there is no source 'nap'; use landsat8" in capsys.readouterr().err

    def offline(url: str) -> io.BytesIO:
        raise OSError("no route to host")

    assert main([str(tmp_path), "--only", "naip"], offline) == 1
    assert "check the connection" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main([str(tmp_path / "file" / "folder"), "--only", "naip"], offline) == 1
    assert "check the folder" in capsys.readouterr().err


@pytest.fixture
def prepared(tmp_path):
    folder = tmp_path / "data"
    for name in ("a/1.tif", "a/b/2.tif", "c.tif", "d.png", "labels.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    sets = {
        "folders": {"unit": "folder", "train": ["a"], "val": [], "test": []},
        "boxes": {"unit": "bbox", "files": ["c.tif"], "train": [[0, 0, 1, 1]], "val": [], "test": []},
        "files": {"unit": "file", "train": ["d.png"], "val": [], "test": ["c.tif"], "labels": "labels.json"},
    }
    (folder / "splits.json").write_text(json.dumps({"datasets": sets}))
    return folder


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="there is no sha256sum")
def test_the_digest_is_the_one_of_sha256sum(prepared):
    assert dataset_files(prepared, "folders") == ["a/1.tif", "a/b/2.tif"]
    assert dataset_files(prepared, "files") == ["c.tif", "d.png", "labels.json"]
    lines = subprocess.run(["sha256sum", "c.tif", "d.png", "labels.json"], cwd=prepared, capture_output=True).stdout
    assert dataset_digest(prepared, "files") == hashlib.sha256(lines).hexdigest()


def test_labels_may_be_the_folders_names_in_the_place_of_a_file(prepared):
    splits = prepared / "splits.json"
    splits.write_text(splits.read_text().replace("labels.json", "the folder's name"))
    assert dataset_files(prepared, "files") == ["c.tif", "d.png"]
    splits.write_text(splits.read_text().replace("the folder's name", "other.json"))
    with pytest.raises(RequestError, match=r"other.json: the file is missing"):
        dataset_digest(prepared, "files")


def test_a_changed_a_moved_and_a_missing_file_are_noticed(prepared):
    published = folder_digests(prepared)
    assert set(compare(prepared, published).values()) == {"same"}
    (prepared / "a/1.tif").rename(prepared / "a/3.tif")
    (prepared / "d.png").write_text("D.png")
    found = compare(prepared, published)
    assert found == {"splits.json": "same", "folders": "different", "boxes": "same", "files": "different"}
    (prepared / "c.tif").unlink()
    assert "the file is missing" in compare(prepared, published)["boxes"]
    splits = prepared / "splits.json"
    splits.write_text(splits.read_text().replace("[0, 0, 1, 1]", "[0, 0, 1, 2]"))
    assert compare(prepared, published)["splits.json"] == "different"


def test_a_folder_without_splits_and_an_unknown_data_set_are_named(prepared, tmp_path, capsys):
    with pytest.raises(RequestError, match="no such dataset; use folders, boxes, files"):
        dataset_digest(prepared, "other")
    assert main(["--verify", str(tmp_path)]) == 2
    assert "has no splits" in capsys.readouterr().err
    assert main(["--verify", str(prepared)]) == 1
    assert "splits.json\tdifferent" in capsys.readouterr().out


@pytest.mark.skipif("SEAMLINE_DATA" not in os.environ, reason="SEAMLINE_DATA names no data folder")
def test_the_data_folder_is_the_published_one_and_the_trees_are_as_the_manifest_says():
    root = Path(os.environ["SEAMLINE_DATA"])
    assert set(compare(root, published_digests()).values()) == {"same"}
    (trees,) = (o for o in origins() if o.name == "trees")
    for path, sha256 in list(trees.files.items())[::40]:
        kind, name = path.split("/")[-2:]
        assert hashlib.sha256((root / "trees" / kind.lower() / name).read_bytes()).hexdigest() == sha256


@pytest.mark.skipif("SEAMLINE_DATA" not in os.environ, reason="SEAMLINE_DATA names no data folder")
@pytest.mark.parametrize(("name", "depth"), [("buildings-banepa", 1), ("eurosat", 2)])
def test_files_that_are_as_published_have_the_manifests_sha256(name, depth):
    root = Path(os.environ["SEAMLINE_DATA"])
    (found,) = (o for o in origins() if o.name == name)
    held = {"/".join(path.split("/")[-depth:]): sha256 for path, sha256 in found.files.items() if sha256}
    (dataset,) = found.datasets
    files = [file for file in dataset_files(root, dataset) if not file.endswith(".geojson")]
    here = {"/".join(file.split("/")[-depth:]): root / file for file in files}
    assert here.keys() == held.keys()
    for short, path in list(here.items())[::40]:
        assert file_digest(path) == held[short]
