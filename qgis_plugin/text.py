"""Translation under one context, by the catalogue of the user's language in ``i18n/``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Optional

try:
    from qgis.core import QgsApplication
    from qgis.PyQt.QtCore import QTranslator
except ImportError:  # the parts that need no QGIS are tested without it
    QgsApplication = None

from .translations import CONTEXT, compiled

_CATALOGUES = Path(__file__).parent / "i18n"


def tr(text: str) -> str:
    """The text in the user's language; as it is where there is no translation."""
    return translated(text)


def mark(text: str) -> str:
    """The text as it is: the catalogues have it, and ``translated`` translates it later."""
    return text


def translated(text: str) -> str:
    """A text that was marked, as ``tr``."""
    translator = None if QgsApplication is None else _translator(QgsApplication.locale() or "")
    return (translator.translate(CONTEXT, text) if translator is not None else "") or text


@lru_cache(maxsize=4)
def _translator(locale: str) -> Optional[Any]:
    """The translator of a locale such as ``de_AT``; None where no catalogue has its language."""
    catalogue = _CATALOGUES / f"{locale.partition('_')[0].partition('-')[0]}.ts"
    if not locale or not catalogue.is_file():
        return None
    # Compiled when it is needed: nothing has to be built, and the plugin's package holds no binary.
    translator, data = QTranslator(), compiled(catalogue)
    translator.catalogue = data  # Qt reads it where it lies, and does not keep it
    return translator if translator.loadFromData(data) else None
