"""Translation under one context."""

from __future__ import annotations

try:
    from qgis.PyQt.QtCore import QCoreApplication
except ImportError:  # the parts that need no QGIS are tested without it
    QCoreApplication = None


def tr(text: str) -> str:
    """The text in the user's language."""
    return text if QCoreApplication is None else QCoreApplication.translate("Seamline", text)
