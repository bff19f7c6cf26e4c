"""Where things are, small rasters, and the reference run of the command line."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from osgeo import gdal, osr

# Debian's qgis_process is a wrapper, which passes an option that the program refuses; elsewhere it is the program.
PROGRAM = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
gdal.UseExceptions()
ROOT = Path(__file__).resolve().parents[2]
FAKE = Path(__file__).with_name("fake_engine.py")
LEFT, TOP, EPSG, NODATA = 500_000.0, 5_000_000.0, 32631, 0
PATIENCE_S = 300.0
"""What has not happened by then never will; no measure of how fast it is."""


def write_raster(path, pixels, gsd):
    """``pixels`` (band, row, column) as uint16 GeoTIFF with its upper left corner at (LEFT, TOP); ``gsd`` in m."""
    bands, rows, columns = pixels.shape
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), columns, rows, bands, gdal.GDT_UInt16)
    dataset.SetGeoTransform((LEFT, gsd, 0.0, TOP, 0.0, -gsd))
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(EPSG)
    dataset.SetProjection(crs.ExportToWkt())
    for index, band in enumerate(pixels, 1):
        dataset.GetRasterBand(index).SetNoDataValue(NODATA)
        dataset.GetRasterBand(index).WriteArray(band)
    dataset.FlushCache()
    return path


def command_line_run(python, scene, output, *options):
    """Pan-sharpen ``scene`` on the command line; the reference for what QGIS gives.  Returns ``output``."""
    from seamline.qgis_plugin.environment import clean_environment

    command = [python, str(ROOT / "launch.py"), "pansharpen", scene["MS"], scene["PAN"], str(output)]
    ran = subprocess.run(
        [*command, *options, "--device", "cpu"],
        env=clean_environment(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return output


def assert_sharpened(output, reference):
    """``output`` has the bands of the MS, the grid of the PAN, and byte for byte the pixels of ``reference``."""
    got, expected = gdal.Open(str(output)), gdal.Open(str(reference))
    assert (got.RasterCount, got.RasterXSize, got.RasterYSize) == (4, 256, 256)
    assert got.GetGeoTransform() == (LEFT, 0.5, 0.0, TOP, 0.0, -0.5)
    assert got.GetSpatialRef().GetAuthorityCode(None) == str(EPSG)
    assert [got.GetRasterBand(i).GetNoDataValue() for i in range(1, 5)] == [NODATA] * 4
    assert [got.GetRasterBand(i).DataType for i in range(1, 5)] == [gdal.GDT_UInt16] * 4
    pixels = got.ReadAsArray()
    assert pixels.any()
    assert pixels.tobytes() == expected.ReadAsArray().tobytes()
    assert (pixels[:, :32, :32] == NODATA).all()  # masked in the MS


def pump(until):
    """Let the event loop turn.  Returns whether ``until`` came true before patience ended, and the turns."""
    from qgis.PyQt.QtCore import QCoreApplication

    turns, deadline = 0, time.monotonic() + PATIENCE_S
    while not until() and time.monotonic() < deadline:
        QCoreApplication.processEvents()
        time.sleep(0.005)
        turns += 1
    return until(), turns


def engines_of(output):
    """Process ids of the engines that work on an output."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            is_dead = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:  # it has just ended
            continue
        if not is_dead and str(output).encode() in words and any(word.endswith(b"launch.py") for word in words):
            found.append(int(folder.name))
    return found


def wait_for(condition):
    """Wait until the condition holds; fails when it does not come to hold."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)


def pixels_of(path):
    """(band, row, column) of a raster as bytes, with what makes them comparable."""
    dataset = gdal.Open(str(path))
    return dataset.RasterXSize, dataset.RasterYSize, dataset.RasterCount, dataset.ReadAsArray().tobytes()


def qgis_process(config, *arguments, **variables):
    env = {**os.environ, "QGIS_CUSTOM_CONFIG_PATH": str(config), "QT_QPA_PLATFORM": "offscreen", **variables}
    env.pop("QGIS_OPTIONS_PATH", None)
    return subprocess.run(
        [PROGRAM, *arguments], env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


def layers_called(project, title):
    """Layers of a project that are results of that title, by whatever input and model."""
    return [layer for layer in project.mapLayers().values() if layer.name().startswith(f"{title} (")]


def options(parameters):
    return ["--", *(f"{name}={value}" for name, value in parameters.items())]
