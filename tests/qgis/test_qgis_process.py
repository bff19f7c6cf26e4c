"""The plugin in the real program, without a window: loaded from a profile by its link, run from the shell."""

import pytest
from support import PROGRAM, assert_sharpened, options, qgis_process

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="qgis_process is not installed")


def test_the_algorithms_are_listed(profile):
    listed = qgis_process(profile, "list")
    lines = (line.strip().split("\t") for line in listed.stdout.splitlines())
    titles = {words[0]: words[1] for words in lines if len(words) == 2}
    assert titles["seamline:pansharpen"] == "Pan-sharpen"
    assert titles["seamline:superres"] == "Super-resolve"
    assert titles["seamline:superres_reference"] == "Super-resolve with reference"
    assert titles["seamline:evaluate"] == "Evaluate fused image"
    assert titles["seamline:adapt"] == "Adapt model to scene"
    assert "Traceback" not in listed.stdout + listed.stderr


def test_help_names_the_models(profile):
    shown = qgis_process(profile, "help", "seamline:pansharpen")
    assert shown.returncode == 0
    for word in ("MS", "PAN", "OUTPUT", "salad-pan-tiny", "brovey"):
        assert word in shown.stdout


def test_without_an_engine_it_says_what_to_do(profile, scene, tmp_path):
    parameters = {**scene, "MODEL": "brovey", "OUTPUT": tmp_path / "out.tif"}
    ran = qgis_process(profile, "run", "seamline:pansharpen", *options(parameters), SEAMLINE_PYTHON="/nowhere/python")
    said = ran.stdout + ran.stderr
    assert ran.returncode != 0
    assert "Seamline's engine is not there; /nowhere/python; set the Python of the engine" in said
    assert "Traceback" not in said
    assert not (tmp_path / "out.tif").exists()


def test_it_sharpens_and_gives_the_pixels_of_the_command_line(profile, scene, tmp_path, real_python, reference):
    output = tmp_path / "from qgis.tif"
    ran = qgis_process(
        profile,
        "run",
        "seamline:pansharpen",
        *options({**scene, "MODEL": "brovey", "DEVICE": "cpu", "OUTPUT": output}),
        SEAMLINE_PYTHON=real_python,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert_sharpened(output, reference)
