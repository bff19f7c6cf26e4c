"""A new task joins by one small class: here segmentation with an elevation model and a map of evidence."""

import json
from typing import ClassVar

import pytest
from qgis.core import QgsProcessingContext
from test_algorithms import layer_of_another_crs


@pytest.fixture
def algorithm(plugin):
    from seamline.qgis_plugin.algorithms.raster import RasterAlgorithm

    class SegmentWithElevation(RasterAlgorithm):
        command = "segment"
        identifier = "segmentelevation"
        section = "segment"
        inputs: ClassVar = {"INPUT": "image"}
        guides: ClassVar = {"ELEVATION": "elevation"}
        further: ClassVar = {"EVIDENCE": "evidence"}
        main = finest_input = "INPUT"

        def displayName(self):
            return "Segment with elevation"

        def help_text(self):
            return "Help."

        def input_texts(self):
            return {"INPUT": ("Input raster", "Coarse."), "ELEVATION": ("Elevation", "Heights.")}

        def further_texts(self):
            return {"EVIDENCE": ("Evidence", "How much.")}

        def output_title(self):
            return "Segmented"

    return SegmentWithElevation


def test_it_runs(algorithm, fake_engine, feedback, scene, tmp_path):
    notes = fake_engine("")
    output, evidence = str(tmp_path / "out.tif"), str(tmp_path / "evidence.tif")
    # A guide may lie in any CRS.
    elevation = layer_of_another_crs(scene)
    parameters = {"INPUT": scene["MS"], "ELEVATION": elevation, "EVIDENCE": evidence, "TILE": 64, "OUTPUT": output}
    parameters["MODEL_FOLDER"] = str(tmp_path)
    task = algorithm().create()
    assert (task.name(), task.groupId()) == ("segmentelevation", "segment")
    results, ok = task.run(parameters, QgsProcessingContext(), feedback)
    assert ok, feedback.lines
    assert results == {"OUTPUT": output, "EVIDENCE": evidence}
    assert json.loads(notes["argv"].read_text()) == [
        *("segment", scene["MS"], output, "--guide", f"elevation={elevation.source()}", "--model", str(tmp_path)),
        *("--tile", "64", "--also", f"evidence={evidence}", "--overwrite", "--json", "--cancel-on-stdin-eof"),
    ]


def test_a_guide_may_be_left_out(algorithm, fake_engine, feedback, scene, tmp_path):
    notes = fake_engine("")
    parameters = {"INPUT": scene["MS"], "MODEL_FOLDER": str(tmp_path), "OUTPUT": str(tmp_path / "out.tif")}
    _, ok = algorithm().create().run(parameters, QgsProcessingContext(), feedback)
    assert ok, feedback.lines
    assert "--guide" not in json.loads(notes["argv"].read_text())


def test_none_of_its_inputs_may_be_its_output(algorithm, fake_engine, feedback, scene, tmp_path):
    fake_engine("")
    parameters = {"INPUT": scene["MS"], "ELEVATION": scene["PAN"], "OUTPUT": scene["PAN"]}
    _, ok = algorithm().create().run({**parameters, "MODEL_FOLDER": str(tmp_path)}, QgsProcessingContext(), feedback)
    assert not ok
    assert any("the output is also an input" in line for line in feedback.lines)
