"""What the page says of a Python that set-up would bring, and the user's consent to it."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget

from ..environment import is_file
from ..reporting import storage
from ..text import tr
from .standalone import LICENCE, MOST_BYTES, Standalone


class Offer(QWidget):
    """Address, size, licence and place of a Python, with a box to tick; hidden where none is to be brought.

    Signals:
        decided: the box was ticked or cleared.
    """

    decided = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text, self.consent = QLabel(), QCheckBox(tr("I agree: bring this Python"))
        self.text.setWordWrap(True)
        self.consent.toggled.connect(self.decided)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        layout.addWidget(self.consent)
        self.describe(None, Path(), None)

    def describe(self, build: Standalone | None, folder: Path, wheels: Path | None) -> None:
        """Say what would be done; what is another thing than before needs another consent.

        Args:
            build: that would be brought; None for none.
            folder: of the set-up.
            wheels: offline folder; None with a network.
        """
        text = "" if build is None else _text(build, folder, wheels)
        if text != self.text.text():
            self.consent.setChecked(False)
        self.text.setText(text)
        self.consent.setVisible(build is not None and not is_file(build.program(folder)))
        self.setVisible(build is not None)

    @property
    def is_open(self) -> bool:
        """Whether the user has yet to agree."""
        return not self.consent.isHidden() and not self.consent.isChecked()


def _text(build: Standalone, folder: Path, wheels: Path | None) -> str:
    place = str(build.folder(folder))
    if is_file(build.program(folder)):
        return tr("It is there already: {folder}").format(folder=place)
    if wheels is None:
        what = tr("Fetches {url} (at most {size}), checks its sha256 and puts it into {folder}.").format(
            url=build.url, size=storage(MOST_BYTES), folder=place
        )
    else:
        what = tr("Takes {name} from the offline folder, checks its sha256 and puts it into {folder}.").format(
            name=build.archive, folder=place
        )
    licence = tr("Licence: {licence}; the libraries in it (OpenSSL, SQLite and others) have licences of their own.")
    return f"{what} {licence.format(licence=LICENCE)}"
