"""Torch's pickles: what is in them without their tensors is bounded before torch looks at it."""

from __future__ import annotations

import zipfile

import pytest
import torch

from seamline.engine.pickled import LONGEST_TEXT, MOST_BYTES, load_pickled

FORMS = pytest.mark.parametrize("zipped", [True, False])


@FORMS
def test_what_torch_saves_is_read(tmp_path, zipped):
    saved = {"weight": torch.arange(6.0).reshape(2, 3), "k" * LONGEST_TEXT: torch.ones(1)}
    torch.save(saved, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    found = load_pickled(tmp_path / "a.pt")
    assert list(found) == list(saved)
    assert torch.equal(found["weight"], saved["weight"])


@FORMS
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"{" * (LONGEST_TEXT + 1): torch.ones(1)}, f"a text of {LONGEST_TEXT + 1} characters"),
        ([b"{" * 20_000], "a text of"),
        ([float(k) for k in range(MOST_BYTES // 9 + 1)], ""),
    ],
    ids=["name", "bytes", "numbers"],
)
def test_texts_and_all_that_is_no_tensor_are_bounded_before_torch_reads(tmp_path, monkeypatch, zipped, content, reason):
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("torch was asked"))
    with pytest.raises(ValueError, match=reason):
        load_pickled(tmp_path / "a.pt")


def test_the_name_of_what_is_called_is_bounded_too(tmp_path, monkeypatch):
    (tmp_path / "a.pt").write_bytes(b"\x80\x02ccollections\nOrde" + b"{" * 100_000 + b"\nR.")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("torch was asked"))
    with pytest.raises(ValueError, match="a text of"):
        load_pickled(tmp_path / "a.pt")


def test_an_archive_behind_a_pickle_hides_nothing(tmp_path, monkeypatch):
    (tmp_path / "a.pt").write_bytes(b"\x80\x02ccollections\nOrde" + b"{" * 100_000 + b"\nR.")
    with zipfile.ZipFile(tmp_path / "a.pt", "a") as archive:
        archive.writestr("b/data.txt", "")
    assert zipfile.is_zipfile(tmp_path / "a.pt")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("torch was asked"))
    with pytest.raises(ValueError, match="a text of"):
        load_pickled(tmp_path / "a.pt")
