"""The models on offer are those that the engine has, and those that ship while it was not asked."""

import json
import re
from itertools import pairwise

import processing
import pytest
from qgis.core import QgsApplication, QgsProcessingException, QgsSettings


def entry(name, task="pansharpen", **more):
    return {"name": name, "task": task, "scale": 1, **more}


LISTED = [
    entry("zeta", outputs=["image", "uncertainty", "trust"], bands={"ms": None, "pan": 1}, most_steps=50),
    entry("brovey", outputs=["image"], bands={"ms": None, "pan": 1}),
    entry("salad-pan-tiny", default=True),
    entry("four-bands", bands={"ms": 4, "pan": 1}),
    entry("base", "superres"),
    entry("identity", "superres"),
    entry("fine", "superres", scale=4, outputs=["image"], bands={"image": None}),
    entry("guided", "superres", scale=4, outputs=["image"], bands={"image": None, "reference": 1}),
    entry("doubtful", "superres", scale=2, outputs=["image", "trust"], bands={"image": None, "reference": 1}),
    entry("parcels", "segment", outputs=["classes", "probabilities"], bands={"image": 4}),
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
    assert names(catalogue, "superres") == ["identity", "doubtful", "fine", "guided"]
    assert names(catalogue, "segment") == ["parcels"]
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


def test_the_help_says_what_the_models_are_and_which_can_tell_their_uncertainty(catalogue):
    def texts():
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("seamline:pansharpen")
        names = ("MODEL", "UNCERTAINTY", "STEPS")
        return (algorithm.shortHelpString(), *(algorithm.parameterDefinition(name).help() for name in names))

    help_text, model, uncertainty, _ = texts()
    for name in catalogue.SHIPPED["pansharpen"]:
        assert f"\n{name}: " in help_text
        assert f"{name}: " in model
    assert "Models that can" not in uncertainty, "the engine was not asked yet"
    assert catalogue.refresh()
    _, _, uncertainty, steps = texts()
    assert uncertainty.endswith("Models that can: zeta.")
    assert "zeta: 1 - 50." in steps


def test_more_steps_than_the_model_takes_are_refused_before_the_start(
    catalogue, scene, feedback, tmp_path, fake_engine
):
    catalogue.refresh()
    notes = fake_engine("")
    wanted = {**scene, "MODEL": "zeta", "OUTPUT": str(tmp_path / "out.tif")}
    with pytest.raises(QgsProcessingException, match="the model zeta takes 1 to 50 steps, not 51; Denoising steps"):
        processing.run("seamline:pansharpen", {**wanted, "STEPS": 51}, feedback=feedback)
    assert not notes["pid"].exists()
    assert processing.run("seamline:pansharpen", {**wanted, "STEPS": 50}, feedback=feedback)


def test_other_outputs_are_asked_for_by_name_and_lie_beside_the_output(
    catalogue, scene, feedback, tmp_path, fake_engine
):
    catalogue.refresh()
    notes, out = fake_engine(""), tmp_path / "out.tif"
    wanted = {**scene, "MODEL": "zeta", "OUTPUT": str(out)}
    for text, sentence in (
        ("queries", "the model zeta has no further output 'queries'; Other outputs"),
        ("image", "the model zeta has no further output 'image'"),
        ("../trust", "'../trust' is not the name of an output; Other outputs; give names such as"),
    ):
        with pytest.raises(QgsProcessingException, match=re.escape(sentence)):
            processing.run("seamline:pansharpen", {**wanted, "ALSO": text}, feedback=feedback)
    assert not notes["pid"].exists()
    processing.run("seamline:pansharpen", {**wanted, "ALSO": "trust, uncertainty"}, feedback=feedback)
    argv = json.loads(notes["argv"].read_text())
    assert [value for word, value in pairwise(argv) if word == "--also"] == [
        f"trust={tmp_path / 'out-trust.tif'}",
        f"uncertainty={tmp_path / 'out-uncertainty.tif'}",
    ]
    assert (tmp_path / "out-trust.tif").exists()


def test_an_output_that_is_asked_for_twice_goes_where_its_own_field_says(
    catalogue, scene, feedback, tmp_path, fake_engine
):
    catalogue.refresh()
    notes = fake_engine("")
    parameters = {**scene, "MODEL": "zeta", "OUTPUT": str(tmp_path / "out.tif"), "ALSO": "uncertainty"}
    processing.run("seamline:pansharpen", {**parameters, "UNCERTAINTY": str(tmp_path / "u.tif")}, feedback=feedback)
    argv = json.loads(notes["argv"].read_text())
    assert [word for word in argv if "uncertainty" in word] == [f"uncertainty={tmp_path / 'u.tif'}"]


def test_a_model_that_takes_no_reference_refuses_it_before_the_start(catalogue, scene, feedback, tmp_path, fake_engine):
    catalogue.refresh()
    notes = fake_engine("")
    parameters = {"INPUT": scene["MS"], "REFERENCE": scene["PAN"], "OUTPUT": str(tmp_path / "out.tif")}
    with pytest.raises(QgsProcessingException, match="the model fine takes no such raster; Reference raster; leave it"):
        processing.run("seamline:superres", {**parameters, "MODEL": "fine"}, feedback=feedback)
    assert not notes["pid"].exists()
    processing.run("seamline:superres", {**parameters, "MODEL": "guided"}, feedback=feedback)
    with pytest.raises(QgsProcessingException, match="'ms' has 4 bands and guided takes 1; Reference raster"):
        processing.run(
            "seamline:superres", {**parameters, "REFERENCE": scene["MS"], "MODEL": "guided"}, feedback=feedback
        )


def test_with_a_reference_only_models_that_take_one_are_on_offer(catalogue, scene, feedback, tmp_path):
    def listed():
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("seamline:superres_reference")
        return algorithm.parameterDefinition("MODEL").options()

    assert listed() == ["ds-dit-tiny-x4"]
    assert catalogue.refresh()
    assert listed() == ["doubtful", "guided"]
    parameters = {"INPUT": scene["MS"], "REFERENCE": scene["PAN"], "OUTPUT": str(tmp_path / "out.tif")}
    wanted = {**parameters, "TRUST": str(tmp_path / "t.tif")}
    with pytest.raises(QgsProcessingException, match="the model guided has no further output 'trust'; Trust in"):
        processing.run("seamline:superres_reference", {**wanted, "MODEL": "guided"}, feedback=feedback)
    found = processing.run("seamline:superres_reference", {**wanted, "MODEL": "doubtful"}, feedback=feedback)
    assert found["TRUST"] == wanted["TRUST"]


@pytest.mark.parametrize("task", ["segment", "classify"])
def test_a_task_for_which_nothing_ships_asks_for_a_model(task, catalogue, scene, feedback, tmp_path, fake_engine):
    notes = fake_engine("")
    parameters = {"INPUT": scene["MS"], "OUTPUT": str(tmp_path / "out.tif")}
    sentence = "no model is chosen; Model; choose one, or give its folder under 'Model folder'"
    with pytest.raises(QgsProcessingException, match=sentence):
        processing.run(f"seamline:{task}", parameters, feedback=feedback)
    assert not notes["pid"].exists()
    found = processing.run(f"seamline:{task}", {**parameters, "MODEL_FOLDER": str(tmp_path)}, feedback=feedback)
    assert found == {"OUTPUT": str(tmp_path / "out.tif")}
    argv = json.loads(notes["argv"].read_text())
    assert argv[:5] == [task, scene["MS"], str(tmp_path / "out.tif"), "--model", str(tmp_path)]


def test_a_task_for_which_nothing_ships_offers_what_the_engine_has(catalogue, scene, feedback, tmp_path):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("seamline:segment")
    assert algorithm.parameterDefinition("MODEL").options() == []
    parameters = {"INPUT": scene["MS"], "OUTPUT": str(tmp_path / "out.tif")}
    # A script may name it before any dialog has shown it, and an installed one is the default afterwards.
    for more in ({"MODEL": "parcels"}, {}):
        assert processing.run("seamline:segment", {**parameters, **more}, feedback=feedback)["OUTPUT"]
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("seamline:segment")
    assert algorithm.parameterDefinition("MODEL").options() == ["parcels"]
