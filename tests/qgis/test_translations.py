"""Every text has its translation, with the same placeholders, and Qt finds it."""

import gc
import json
import re
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingException
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


ERRORS = [
    (
        {"what": "gsa takes 1 band(s) as pan, but it has 4", "where": "/p.tif", "fix": "choose bands with --bands"},
        "gsa nimmt 1 Kanäle als 'Panchromatisches Raster', dies hat 4; /p.tif; so viele unter 'Kanäle' wählen",
    ),
    (
        {"what": "there is no model 'x'", "where": "--model", "fix": "known are gsa, or the path of a model folder"},
        "es gibt kein Modell 'x'; 'Modell'; eines von gsa wählen, oder einen Modellordner",
    ),
    (
        {
            "what": "the model gsa cannot say how uncertain its pixels are",
            "where": "--uncertainty",
            "fix": "leave it out, or choose another model",
        },
        "das Modell gsa kann nicht sagen, wie unsicher seine Pixel sind; 'Unsicherheit'; es auslassen",
    ),
    (
        {"what": "something new", "where": "--overlap", "fix": "pass another --tile"},
        "something new; 'Überlappung (px)'; pass another 'Kachel (px)'",
    ),
]


@pytest.mark.parametrize(("error", "sentence"), ERRORS, ids=[error["what"] for error, _ in ERRORS])
def test_an_error_of_the_engine_comes_in_the_language_and_the_words_of_the_dialog(
    error, sentence, fake_engine, feedback, scene, monkeypatch, tmp_path
):
    import processing

    monkeypatch.setattr(QgsApplication, "locale", staticmethod(lambda: "de"))
    monkeypatch.setenv("FAKE_ENGINE_ERROR", json.dumps(error))
    fake_engine("error")
    with pytest.raises(QgsProcessingException) as caught:
        processing.run("seamline:pansharpen", {**scene, "OUTPUT": str(tmp_path / "out.tif")}, feedback=feedback)
    assert str(caught.value).startswith(sentence)
    assert "Modell" not in sentence or "--" not in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [("killed", "die Engine wurde vom System beendet"), ("silent", "die Engine endete, ohne ihre Ausgabe zu nennen")],
)
def test_an_engine_that_ends_without_a_word_is_told_of_in_the_language_of_the_user(
    mode, sentence, fake_engine, feedback, scene, monkeypatch, tmp_path
):
    import processing

    monkeypatch.setattr(QgsApplication, "locale", staticmethod(lambda: "de"))
    fake_engine(mode)
    with pytest.raises(QgsProcessingException, match=sentence):
        processing.run("seamline:pansharpen", {**scene, "OUTPUT": str(tmp_path / "out.tif")}, feedback=feedback)


def test_a_warning_of_the_engine_is_translated_too(monkeypatch, feedback):
    from seamline.qgis_plugin.reporting import Reporter

    monkeypatch.setattr(QgsApplication, "locale", staticmethod(lambda: "de"))
    reporter = Reporter(feedback, titles={"--steps": "Schritte"})
    reporter.event({"event": "warning", "what": "--steps does nothing with the model gsa"})
    assert feedback.lines == ["das Modell gsa kennt diese Einstellung nicht: 'Schritte'"]
