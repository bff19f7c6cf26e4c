"""The models on offer are those that the engine has, and those that ship while it was not asked."""

import json

import processing
import pytest
from qgis.core import QgsApplication, QgsProcessingException, QgsSettings


def entry(name, task="pansharpen", **more):
    return {"name": name, "task": task, "scale": 1, **more}


LISTED = [
    entry("zeta", uncertainty=True, bands={"ms": None, "pan": 1}),
    entry("brovey", uncertainty=False, bands={"ms": None, "pan": 1}),
    entry("salad-pan-tiny", default=True),
    entry("four-bands", bands={"ms": 4, "pan": 1}),
    entry("base", "superres"),
    entry("identity", "superres"),
    entry("fine", "superres", scale=4),
    {"name": 3},
    "noise",
]


@pytest.fixture
def catalogue(fake_engine, monkeypatch):
    """The catalogue of an engine that was not asked yet."""
    from seamline.qgis_plugin import catalogue

    fake_engine("")
    monkeypatch.setenv("FAKE_ENGINE_MODELS", json.dumps(LISTED))
    QgsSettings().remove("seamline/models")
    yield catalogue
    QgsSettings().remove("seamline/models")


def names(catalogue, task):
    return [model.name for model in catalogue.offered(task)]


def test_what_ships_is_on_offer_until_the_engine_answers(catalogue):
    assert names(catalogue, "pansharpen") == list(catalogue.SHIPPED["pansharpen"])
    assert catalogue.find("pansharpen", "zeta") is None
    assert catalogue.refresh()
    # The default stays first, a base for training is no super-resolution, and what is not understood is passed over.
    assert names(catalogue, "pansharpen") == ["salad-pan-tiny", "brovey", "four-bands", "zeta"]
    assert names(catalogue, "superres") == ["identity", "fine"]
    assert catalogue.find("pansharpen", "zeta").bands == {"ms": None, "pan": 1}


def test_an_answer_holds_for_the_engine_that_gave_it(catalogue, monkeypatch, tmp_path):
    assert catalogue.refresh()
    other = tmp_path / "python"
    other.symlink_to("/usr/bin/python3")
    monkeypatch.setenv("SEAMLINE_PYTHON", str(other))
    assert names(catalogue, "pansharpen") == list(catalogue.SHIPPED["pansharpen"])


@pytest.mark.parametrize("answer", ["", "{", "[]", '{"name": "x"}', "7"])
def test_an_engine_that_answers_nonsense_changes_nothing(answer, catalogue, monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE_MODELS", answer)
    assert not catalogue.refresh()
    assert names(catalogue, "superres") == list(catalogue.SHIPPED["superres"])


def test_a_dialog_offers_what_the_engine_has(catalogue):
    catalogue.refresh()
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("seamline:pansharpen")
    assert "zeta" in algorithm.parameterDefinition("MODEL").options()
    assert algorithm.parameterDefinition("MODEL").defaultValue() == "salad-pan-tiny"


def test_a_script_may_name_a_model_that_no_dialog_has_shown(catalogue, scene, feedback, tmp_path):
    parameters = {**scene, "MODEL": "zeta", "OUTPUT": str(tmp_path / "out.tif")}
    assert processing.run("seamline:pansharpen", parameters, feedback=feedback)["OUTPUT"]


def test_a_model_that_takes_other_bands_is_refused_before_the_start(catalogue, scene, feedback, tmp_path):
    catalogue.refresh()
    parameters = {"MODEL": "four-bands", "OUTPUT": str(tmp_path / "out.tif")}
    with pytest.raises(QgsProcessingException, match="'ms' has 4 bands and four-bands takes 1; Panchromatic raster"):
        processing.run("seamline:pansharpen", {**parameters, "MS": scene["MS"], "PAN": scene["MS"]}, feedback=feedback)
    with pytest.raises(QgsProcessingException, match="'pan' has 1 bands and four-bands takes 4; Multispectral raster"):
        processing.run(
            "seamline:pansharpen", {**parameters, "MS": scene["PAN"], "PAN": scene["PAN"]}, feedback=feedback
        )


def test_chosen_bands_are_counted(catalogue, scene, feedback, tmp_path):
    catalogue.refresh()
    parameters = {**scene, "MODEL": "four-bands", "BANDS": [1, 2, 3], "OUTPUT": str(tmp_path / "out.tif")}
    with pytest.raises(QgsProcessingException, match="'ms' has 3 bands and four-bands takes 4"):
        processing.run("seamline:pansharpen", parameters, feedback=feedback)


def test_uncertainty_is_refused_where_the_model_cannot_tell_it(catalogue, scene, feedback, tmp_path):
    catalogue.refresh()
    wanted = {**scene, "OUTPUT": str(tmp_path / "out.tif"), "UNCERTAINTY": str(tmp_path / "u.tif")}
    with pytest.raises(QgsProcessingException, match="the model brovey cannot tell how uncertain its pixels are"):
        processing.run("seamline:pansharpen", {**wanted, "MODEL": "brovey"}, feedback=feedback)
    found = processing.run("seamline:pansharpen", {**wanted, "MODEL": "zeta"}, feedback=feedback)
    assert found["UNCERTAINTY"] == str(tmp_path / "u.tif")
