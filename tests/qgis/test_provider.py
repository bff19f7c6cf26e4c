"""What QGIS sees of the plugin."""

import ast
import configparser
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

PLUGIN_FILES = sorted((ROOT / "qgis_plugin").rglob("*.py"))


@pytest.fixture
def provider(plugin, qgis_app):
    return qgis_app.processingRegistry().providerById("seamline")


GROUPS = {
    "seamline:adapt": "pansharpen",
    "seamline:classify": "classify",
    "seamline:doctor": "engine",
    "seamline:evaluate": "quality",
    "seamline:evaluate_map": "quality",
    "seamline:pansharpen": "pansharpen",
    "seamline:segment": "segment",
    "seamline:superres": "superres",
    "seamline:superres_reference": "superres",
    "seamline:train": "training",
}


def test_the_provider_holds_every_algorithm_in_its_group(provider):
    groups = {algorithm.id(): algorithm.groupId() for algorithm in provider.algorithms()}
    assert GROUPS.items() <= groups.items()
    assert all(algorithm.group() for algorithm in provider.algorithms())
    assert provider.versionInfo() == metadata()["version"]
    assert provider.isActive()


def test_each_help_link_leads_to_a_place_of_the_page(provider):
    page = (ROOT / "docs" / "how-to" / "qgis.md").read_text(encoding="utf-8")
    for name in FOLDED:
        url, _, place = provider.algorithm(name).helpUrl().partition("#")
        assert url.endswith("/docs/how-to/qgis.md")
        assert f'<a id="{place}"></a>' in page


def test_each_algorithm_has_its_own_drawing_and_picture(provider):
    # These have no picture beside their help.
    for name in ("superres_reference", "segment", "classify", "train", "evaluate_map"):
        assert Path(provider.algorithm(name).svgIconPath()).stem == name
        assert Path(provider.algorithm(name).svgIconPath()).is_file()
    for name in ("pansharpen", "superres", "evaluate", "adapt"):
        algorithm = provider.algorithm(name)
        assert Path(algorithm.svgIconPath()).stem == name
        assert f"icons/{name}.png" in algorithm.shortHelpString()
        assert (ROOT / "qgis_plugin" / "icons" / f"{name}.png").stat().st_size < 40_000


def test_loading_twice_and_unloading_twice_is_harmless(qgis_app, provider, plugin):
    plugin.initGui()
    assert len([p for p in qgis_app.processingRegistry().providers() if p.id() == "seamline"]) == 1
    plugin.unload()
    plugin.unload()
    assert qgis_app.processingRegistry().providerById("seamline") is None
    plugin.initGui()
    assert qgis_app.processingRegistry().providerById("seamline") is not None


def test_everything_is_explained(provider):
    for algorithm in provider.algorithms():
        assert len(algorithm.shortHelpString()) > 100
        assert algorithm.helpUrl().startswith("https://")
        assert not algorithm.icon().isNull()
        for parameter in algorithm.parameterDefinitions():
            assert parameter.help(), f"{algorithm.id()} {parameter.name()} has no help"
            assert parameter.description() != parameter.name()


RUN = {"TILE", "OVERLAP", "STEPS", "SEED", "DEVICE", "NODATA", "KEEP", "ALSO"}
FOLDED = {
    "pansharpen": {*RUN, "MODEL_FOLDER", "CONSISTENCY", "SENSOR", "COREGISTER"},
    "superres": {*RUN, "MODEL_FOLDER", "CONSISTENCY", "SENSOR"},
    "superres_reference": {*RUN, "MODEL_FOLDER", "CONSISTENCY", "SENSOR", "GUIDANCE"},
    # No model ships: the folder is what most will give.
    "segment": {*RUN, "MIN_AREA", "SIMPLIFY"},
    "classify": RUN,
    "evaluate": {"MODEL", "MODEL_FOLDER", "SENSOR", "RATIO", "BITS", "RIM", "PHASE", "STEPS", "SEED", "DEVICE"},
    "evaluate_map": {"LABEL_RASTER"},
    "adapt": {"SENSOR", "SEED", "DEVICE", "COREGISTER"},
    "train": {"LABEL_RASTER", "PATCH", "FUSER", "BACKBONE", "BANDS", "HOLD_OUT", "IGNORE", "SEED", "DEVICE"},
}


@pytest.mark.parametrize("name", FOLDED)
def test_advanced_parameters_are_folded(name, provider):
    from seamline.qgis_plugin.compat import ADVANCED

    parameters = provider.algorithm(name).parameterDefinitions()
    assert {p.name() for p in parameters if p.flags() & ADVANCED} == FOLDED[name]


def test_a_missing_engine_is_said_and_breaks_nothing(provider, monkeypatch, scene, qgis_processing):
    import processing
    from qgis.core import QgsProcessingException

    monkeypatch.setenv("SEAMLINE_PYTHON", "/nowhere/python")
    assert "/nowhere/python" in provider.warningMessage()
    can, reason = provider.algorithm("pansharpen").canExecute()
    assert not can
    assert "/nowhere/python" in reason
    with pytest.raises(QgsProcessingException, match="/nowhere/python"):
        processing.run("seamline:pansharpen", {**scene, "OUTPUT": "TEMPORARY_OUTPUT"})


def metadata():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "metadata.txt", encoding="utf-8")
    return parser["general"]


def test_metadata_is_complete_and_of_this_version():
    import seamline

    general = metadata()
    for key in ("name", "description", "about", "author", "email", "homepage", "repository", "tracker", "license"):
        assert general[key]
    assert general["version"] == seamline.__version__
    assert f'version = "{general["version"]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert (general["qgisminimumversion"], general["qgismaximumversion"]) == ("3.22", "4.99")
    assert general["hasprocessingprovider"] == "yes"
    assert (ROOT / general["icon"]).is_file()
    assert "plugin" not in general["name"].lower()


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_code_is_old_python_and_imports_nothing_heavy(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    # QGIS brings certifi where the system has no certificates; what takes it does without, too.
    allowed = {"certifi", "qgis", "processing"} | sys.stdlib_module_names
    depth = len(path.relative_to(ROOT / "qgis_plugin").parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] in allowed for alias in node.names), ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            inside = 0 < node.level <= depth
            assert inside or (node.level == 0 and node.module.split(".")[0] in allowed), ast.unparse(node)
            assert not (node.module or "").startswith(("PyQt5", "PyQt6"))


def test_loading_the_plugin_loads_no_engine():
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import conftest, seamline\n"
        "seamline.classFactory(None)\n"
        "print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    ran = subprocess.run([sys.executable, "-c", code, str(ROOT)], env=env, capture_output=True, text=True, check=True)
    assert not {"torch", "rasterio", "diffusers", "numpy", "xarray"} & set(json.loads(ran.stdout))


def test_the_file_drawings_are_own_and_small():
    for path in Path(ROOT, "qgis_plugin", "icons").glob("*.svg"):
        assert path.stat().st_size < 4096
