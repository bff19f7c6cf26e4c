"""A new task joins by one small class: here super-resolution with a reference, as it would be added."""

import json
from typing import ClassVar

import pytest
from qgis.core import QgsProcessingContext


@pytest.fixture
def algorithm(plugin):
    from seamline.qgis_plugin.algorithms.raster import RasterAlgorithm

    class SuperResolveWithReference(RasterAlgorithm):
        command = "superres"
        identifier = "superresreference"
        section = "superres"
        inputs: ClassVar = {"INPUT": "image", "REFERENCE": "reference"}
        switches: ClassVar = {"REFERENCE": "--reference"}
        main = finest_input = "INPUT"

        def displayName(self):
            return "Super-resolve with reference"

        def help_text(self):
            return "Help."

        def input_texts(self):
            return {"INPUT": ("Input raster", "Coarse."), "REFERENCE": ("Reference raster", "Fine.")}

        def output_title(self):
            return "Super-resolved"

        def model_help(self):
            return "Models."

    return SuperResolveWithReference


def test_it_runs(algorithm, fake_engine, feedback, scene, tmp_path):
    notes = fake_engine("")
    output = str(tmp_path / "out.tif")
    parameters = {"INPUT": scene["MS"], "REFERENCE": scene["PAN"], "MODEL": "bicubic", "TILE": 64, "OUTPUT": output}
    task = algorithm().create()
    assert (task.name(), task.groupId()) == ("superresreference", "superres")
    results, ok = task.run(parameters, QgsProcessingContext(), feedback)
    assert ok, feedback.lines
    assert results == {"OUTPUT": output}
    assert json.loads(notes["argv"].read_text()) == [
        *("superres", scene["MS"], output, "--reference", scene["PAN"], "--model", "bicubic", "--tile", "64"),
        *("--overwrite", "--json", "--cancel-on-stdin-eof"),
    ]


def test_none_of_its_inputs_may_be_its_output(algorithm, fake_engine, feedback, scene):
    fake_engine("")
    parameters = {"INPUT": scene["MS"], "REFERENCE": scene["PAN"], "MODEL": "bicubic", "OUTPUT": scene["PAN"]}
    _, ok = algorithm().create().run(parameters, QgsProcessingContext(), feedback)
    assert not ok
    assert any("the output is also an input" in line for line in feedback.lines)
