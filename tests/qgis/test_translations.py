"""Every text has its translation, with the same placeholders, and Qt finds it."""

import gc
import re
from pathlib import Path

import pytest
from qgis.core import QgsApplication
from support import ROOT

PLUGIN = ROOT / "qgis_plugin"
CATALOGUES = sorted((PLUGIN / "i18n").glob("*.ts"))


def placeholders(text):
    return sorted(re.findall(r"\{[^}]*\}", text))


def test_there_is_a_complete_second_language():
    from seamline.qgis_plugin.translations import read, sources

    assert "de" in [path.stem for path in CATALOGUES]
    translated = read(PLUGIN / "i18n" / "de.ts")
    missing = [text for text in sources(PLUGIN) if not translated.get(text)]
    assert missing == [], "run python qgis_plugin/translations.py, then translate these in qgis_plugin/i18n/de.ts"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_placeholders_and_paragraphs_survive(path):
    from seamline.qgis_plugin.translations import read

    for source, translation in read(path).items():
        if translation:
            assert placeholders(source) == placeholders(translation), source
            assert source.count("\n") == translation.count("\n"), source


def test_a_catalogue_survives_being_brought_up_to_date(tmp_path):
    from seamline.qgis_plugin.translations import read, update, write

    path = tmp_path / "xx.ts"
    write(path, {"a <b> & 'c'\n\"d\"": "ä <b>", "gone": "weg"})
    update(path, ["a <b> & 'c'\n\"d\"", "new"])
    assert read(path) == {"a <b> & 'c'\n\"d\"": "ä <b>", "new": ""}


def test_qt_finds_every_translation(qgis_app):
    from seamline.qgis_plugin.text import _translator
    from seamline.qgis_plugin.translations import read

    translator = _translator("de")
    gc.collect()
    for source, translation in read(PLUGIN / "i18n" / "de.ts").items():
        assert translator.translate("Seamline", source) == translation
    assert translator.translate("Seamline", "a text that nobody wrote") == ""
    assert translator.translate("Another", "Model") == ""


def test_only_texts_as_they_stand_can_be_translated(tmp_path):
    from seamline.qgis_plugin.translations import sources

    (tmp_path / "code.py").write_text("tr('a' 'b'); tr('a' 'b')")
    assert sources(tmp_path) == ["ab"]
    (tmp_path / "more.py").write_text("tr(f'{x}')")
    with pytest.raises(ValueError, match="line 1"):
        sources(tmp_path)


@pytest.mark.parametrize(
    ("locale", "title"), [("de", "Pan-geschärft"), ("de_AT", "Pan-geschärft"), ("en", "Pan-sharpened")]
)
def test_the_dialog_speaks_the_language_of_the_user(locale, title, plugin, monkeypatch):
    monkeypatch.setattr(QgsApplication, "locale", staticmethod(lambda: locale))
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("seamline:pansharpen")
    assert algorithm.parameterDefinition("OUTPUT").description() == title
    assert algorithm.parameterDefinition("MODEL").help()
    assert Path(ROOT, "qgis_plugin", "i18n", "de.ts").is_file()
