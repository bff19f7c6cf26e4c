"""The browser of the tests renders files, refuses other machines, and fails a test for a script that fails."""

from __future__ import annotations

import pytest

from .browser import browsing


def test_a_file_is_shown_and_another_machine_is_refused(tmp_path):
    page_file = tmp_path / "page.html"
    page_file.write_text("<h1>Seen</h1><img src='http://example.org/a.png'>")
    with browsing() as (page, asked):
        page.goto(page_file.as_uri())
        assert page.locator("h1").inner_text() == "Seen"
        assert asked == ["http://example.org/a.png"]


def test_a_script_that_fails_is_a_failure(tmp_path):
    page_file = tmp_path / "page.html"
    page_file.write_text("<script>throw new Error('lost')</script>")
    with pytest.raises(AssertionError, match="lost"), browsing() as (page, _):
        page.goto(page_file.as_uri())
