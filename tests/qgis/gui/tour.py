"""Runs inside QGIS with a window: installs the plugin's zip, opens each dialog, pan-sharpens, takes pictures.

``qgis --code tour.py``; ``TOUR`` names a JSON file with what to use, and where the pictures and the findings go.
"""

import json
import os
import shutil
import time
import traceback
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QTimer
from qgis.PyQt.QtWidgets import QApplication, QDockWidget
from qgis.utils import iface

TOUR = json.loads(Path(os.environ["TOUR"]).read_text(encoding="utf-8"))
OUT = Path(TOUR["out"])
found = {"modal": [], "dialogs": {}}


def pump(until, seconds):
    """Let QGIS live until the condition holds.  Returns whether it does."""
    deadline = time.monotonic() + seconds
    while not until() and time.monotonic() < deadline:
        QCoreApplication.processEvents()
        time.sleep(0.02)
    return until()


def rest(seconds):
    pump(lambda: False, seconds)


def picture(widget, name):
    rest(0.5)
    widget.grab().save(str(OUT / f"qgis-{name}.png"))


def close_modal():
    """A modal dialog would wait for somebody: note what it says, and close it."""
    widget = QApplication.activeModalWidget()
    if widget is not None:
        text = getattr(widget, "text", None)
        found["modal"].append(f"{widget.windowTitle()}: {text() if callable(text) else ''}")
        widget.close()


def install():
    import pyplugin_installer

    pyplugin_installer.instance().installFromZipFile(TOUR["zip"])
    registry = QgsApplication.processingRegistry()
    assert pump(lambda: registry.providerById("seamline") is not None, 20), "the provider is not there"
    folder = Path(QgsApplication.qgisSettingsDirPath(), "python", "plugins", "seamline")
    found["plugin"] = str(folder)
    if TOUR["weights"]:
        # The zip holds none: they come with the engine.
        shutil.copytree(TOUR["weights"], folder / "models" / "weights", dirs_exist_ok=True)
    found["algorithms"] = sorted(a.id() for a in registry.providerById("seamline").algorithms())


def add(name, path):
    layer = QgsRasterLayer(path, name)
    QgsProject.instance().addMapLayer(layer)
    return layer


def draw(scene):
    """A scratch layer with a square of each of two classes, as a user draws it on the scene."""
    layer = QgsVectorLayer(f"Polygon?crs={scene.crs().authid()}&field=kind:string", "my labels", "memory")
    corner, side = scene.extent().center(), scene.extent().width() / 10
    for place, kind in enumerate(("field", "forest")):
        feature = QgsFeature(layer.fields())
        feature["kind"] = kind
        x = corner.x() + 2 * place * side
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(x, corner.y(), x + side, corner.y() + side)))
        layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    return layer


def dialogs(scene):
    import processing

    for algorithm in found["algorithms"]:
        known = {
            "MS": scene["ms"].id(),
            "PAN": scene["pan"].id(),
            "INPUT": scene["ms"].id(),
            "FUSED": scene["pan"].id(),
            "MAP": scene["pan"].id(),
            "IMAGES": [scene["ms"].id()],
            "LABELS": scene["labels"].id(),
            "CLASS_FIELD": "kind",
        }
        names = {p.name() for p in QgsApplication.processingRegistry().algorithmById(algorithm).parameterDefinitions()}
        dialog = processing.createAlgorithmDialog(algorithm, {k: v for k, v in known.items() if k in names})
        dialog.resize(980, 640)
        dialog.show()
        picture(dialog, "dialog-" + algorithm.partition(":")[2])
        found["dialogs"][algorithm] = dialog.windowTitle()
        dialog.close()
        dialog.deleteLater()


def sharpen(scene):
    import processing
    from processing.core.ProcessingConfig import ProcessingConfig

    # It closes otherwise, and the log with it.
    ProcessingConfig.setSettingValue(ProcessingConfig.KEEP_DIALOG_OPEN, True)
    parameters = {
        "MS": scene["ms"].id(),
        "PAN": scene["pan"].id(),
        "MODEL": TOUR["model"],
        "OUTPUT": str(OUT / "fused.tif"),
        "REPORT": str(OUT / "fused.html"),
    }
    dialog = processing.createAlgorithmDialog("seamline:pansharpen", parameters)
    dialog.resize(980, 640)
    dialog.show()
    dialog.runButton().click()
    assert pump(lambda: (OUT / "fused.html").exists() and not QgsApplication.taskManager().activeTasks(), 150)
    assert pump(lambda: any(layer.source() == str(OUT / "fused.tif") for layer in layers()), 20), "no layer came"
    rest(1.0)
    picture(dialog, "log")
    dialog.close()
    return next(layer for layer in layers() if layer.source() == str(OUT / "fused.tif"))


def layers():
    return QgsProject.instance().mapLayers().values()


def view(layer):
    """The map on a detail, with the toolbox open on the algorithms."""
    for dock in iface.mainWindow().findChildren(QDockWidget):
        dock.setVisible(dock.objectName() in ("Layers", "ProcessingToolbox"))
        if dock.objectName() == "ProcessingToolbox":
            dock.searchBox.setText("Seamline")
    centre, size = layer.extent().center(), layer.rasterUnitsPerPixelX()
    iface.mapCanvas().setExtent(
        QgsRectangle(centre.x() - 200 * size, centre.y() - 150 * size, centre.x() + 200 * size, centre.y() + 150 * size)
    )
    iface.mapCanvas().refreshAllLayers()
    iface.mapCanvas().waitWhileRendering()
    rest(2.0)
    picture(iface.mainWindow(), "window")


def tour():
    install()
    scene = {"ms": add("multispectral", TOUR["ms"]), "pan": add("panchromatic", TOUR["pan"])}
    for colour, band in (("Red", 3), ("Green", 2), ("Blue", 1)):
        getattr(scene["ms"].renderer(), f"set{colour}Band")(band)
    scene["labels"] = draw(scene["ms"])
    rest(1.0)
    dialogs(scene)
    QgsProject.instance().removeMapLayer(scene.pop("labels"))
    layer = sharpen(scene)
    renderer = layer.renderer()
    group = QgsProject.instance().layerTreeRoot().findGroup("Seamline")
    found.update(
        size=[layer.width(), layer.height(), layer.bandCount()],
        shown=[renderer.redBand(), renderer.greenBand(), renderer.blueBand()],
        bands=[layer.bandName(i) for i in range(1, layer.bandCount() + 1)],
        history=layer.metadata().history(),
        grouped=[node.layer().name() for node in group.findLayers()],
    )
    view(layer)


def main():
    code = 1
    try:
        tour()
        code = 0
    except Exception:
        found["error"] = traceback.format_exc()
        iface.mainWindow().grab().save(str(OUT / "qgis-error.png"))
    (OUT / "found.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    os._exit(code)


guard = QTimer()
guard.timeout.connect(close_modal)
guard.start(2000)
QTimer.singleShot(1500, main)
