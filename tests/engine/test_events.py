"""What goes to another process: every tile is counted, in few messages."""

from __future__ import annotations

from seamline.engine.events import Progress, Sending


def test_all_tiles_are_counted_in_few_messages():
    sent = []
    progress = Progress(Sending(lambda kind, content: sent.append((kind, content))), 5000)
    for _ in range(2500):
        progress.advance(2)
    assert {kind for kind, _ in sent} == {"tiles"}
    assert sum(count for _, count in sent) == 5000
    # The first and the last at once, and a few a second between.
    assert len(sent) < 250
