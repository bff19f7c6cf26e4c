"""Rasters that name other files, and a port that hears whether anything is fetched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Self

import numpy as np
import rasterio
from rasterio.transform import from_origin

SIDE = 32
"""Pixels along a side of every raster here."""

# A process of its own: GDAL holds the lock of the interpreter while it waits for an answer.
_SERVER = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    client, _ = server.accept()
    with open(sys.argv[1], "ab") as heard:
        heard.write(client.recv(200).split(b"\\r")[0] + b"\\n")
    client.sendall(b"HTTP/1.1 404 Not Found\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
    client.close()
"""


class Listener:
    """A server on this machine that has no file, but keeps the first line of every request."""

    def __init__(self, folder: Path) -> None:
        self._heard = folder / "heard"
        self._heard.touch()
        self._process = subprocess.Popen([sys.executable, "-c", _SERVER, str(self._heard)], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.address = f"127.0.0.1:{int(self._process.stdout.readline())}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def heard(self) -> list[str]:
        return self._heard.read_text().splitlines()


def write(path: Path, seed: int = 0, *, count: int = 1, dtype: str = "uint16", driver: str = "GTiff", **more) -> Path:
    """A raster of noise; each seed gives other pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(1, 250, (count, SIDE, SIDE)).astype(dtype)
    profile = {"driver": driver, "count": count, "height": SIDE, "width": SIDE, "dtype": dtype} | more
    with rasterio.open(path, "w", crs="EPSG:32633", transform=from_origin(500000, 5000000, 1, 1), **profile) as file:
        file.write(values)
    return path


def pixels(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read()


def vrt(source: str, *, dtype: str = "UInt16", relative: int = 0, extra: str = "") -> str:
    """A virtual raster of one band."""
    return (
        f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}"><SRS>EPSG:32633</SRS>'
        f"<GeoTransform>500000,1,0,5000000,0,-1</GeoTransform>{extra}"
        f'<VRTRasterBand dataType="{dtype}" band="1"><SimpleSource>'
        f'<SourceFilename relativeToVRT="{relative}">{source}</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )


def mask_vrt(source: str) -> str:
    """A virtual raster that GDAL takes for a mask."""
    flags = '<Metadata><MDI key="INTERNAL_MASK_FLAGS_1">2</MDI></Metadata>'
    return vrt(source, dtype="Byte", extra=flags)


def wms(address: str) -> str:
    """The description of a map service; its tiles are fetched when pixels are read."""
    return (
        f'<GDAL_WMS><Service name="TMS"><ServerUrl>http://{address}/${{z}}/${{x}}/${{y}}.png</ServerUrl></Service>'
        "<DataWindow><UpperLeftX>0</UpperLeftX><UpperLeftY>0</UpperLeftY><LowerRightX>1</LowerRightX>"
        f"<LowerRightY>-1</LowerRightY><SizeX>{SIDE}</SizeX><SizeY>{SIDE}</SizeY></DataWindow>"
        "<BandsCount>1</BandsCount><DataType>UInt16</DataType></GDAL_WMS>"
    )


def wcs(address: str) -> str:
    """The description of a coverage service, which is asked as soon as it is opened."""
    return f"<WCS_GDAL><ServiceURL>http://{address}/?</ServiceURL><CoverageName>x</CoverageName></WCS_GDAL>"


def dimap(name: str) -> str:
    """The metadata of a SPOT scene."""
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?><Dimap_Document>'
        '<Metadata_Id><METADATA_FORMAT version="1.1">DIMAP</METADATA_FORMAT></Metadata_Id>'
        '<Production><DATASET_PRODUCER_URL href="http://www.spotimage.com"/></Production>'
        f"<Raster_Dimensions><NCOLS>{SIDE}</NCOLS><NROWS>{SIDE}</NROWS><NBANDS>1</NBANDS></Raster_Dimensions>"
        "<Geoposition><Geoposition_Insert><ULXMAP>500000</ULXMAP><ULYMAP>5000000</ULYMAP><XDIM>1</XDIM><YDIM>1</YDIM>"
        "</Geoposition_Insert></Geoposition><Data_Access><Data_File>"
        f'<DATA_FILE_PATH href="{name}"/></Data_File></Data_Access></Dimap_Document>'
    )


def volume(component: str) -> str:
    """The metadata of a Pleiades delivery, which name those of its image."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Dimap_Document><Metadata_Identification>'
        '<METADATA_FORMAT version="2.15">DIMAP</METADATA_FORMAT></Metadata_Identification><Dataset_Content>'
        "<Dataset_Components><Component><COMPONENT_TITLE>image</COMPONENT_TITLE>"
        f'<COMPONENT_TYPE>DIMAP</COMPONENT_TYPE><COMPONENT_PATH href="{component}"/></Component>'
        "</Dataset_Components></Dataset_Content></Dimap_Document>"
    )


def product(name: str) -> str:
    """The metadata of a Pleiades image of one tile."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><Dimap_Document><Metadata_Identification>'
        '<METADATA_FORMAT version="2.15">DIMAP</METADATA_FORMAT></Metadata_Identification><Raster_Data><Data_Access>'
        "<DATA_FILE_FORMAT>image/tiff</DATA_FILE_FORMAT><Data_Files>"
        f'<Data_File tile_R="1" tile_C="1"><DATA_FILE_PATH href="{name}"/></Data_File></Data_Files></Data_Access>'
        f"<Raster_Dimensions><NROWS>{SIDE}</NROWS><NCOLS>{SIDE}</NCOLS><NBANDS>1</NBANDS><Tile_Set><NTILES>1</NTILES>"
        f'<Regular_Tiling><NTILES_SIZE nrows="{SIDE}" ncols="{SIDE}"/><NTILES_COUNT ntiles_R="1" ntiles_C="1"/>'
        "<OVERLAP_ROW>0</OVERLAP_ROW><OVERLAP_COL>0</OVERLAP_COL></Regular_Tiling></Tile_Set></Raster_Dimensions>"
        "<Raster_Encoding><NBITS>16</NBITS></Raster_Encoding></Raster_Data></Dimap_Document>"
    )


def write_til(path: Path, name: str, comment: str = "") -> Path:
    """A DigitalGlobe tile list, with the .IMD that it needs."""
    last = SIDE - 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".IMD").write_text(
        f'version = "AA";\nnumRows = {SIDE};\nnumColumns = {SIDE};\nbitsPerPixel = 16;\nbandId = "P";\n'
        'BEGIN_GROUP = IMAGE_1\n\tsatId = "WV02";\nEND_GROUP = IMAGE_1\nEND;\n'
    )
    path.write_text(
        f'bandId = "P";\nnumTiles = 1;\ntileSizeX = {SIDE};\ntileSizeY = {SIDE};\ntileUnits = "Pixels";\n'
        f'tileOverlap = 0;\nBEGIN_GROUP = TILE_1\n\tfilename = {comment}"{name}";\n\tULColOffset = 0;\n'
        f"\tULRowOffset = 0;\n\tURColOffset = {last};\n\tURRowOffset = 0;\n\tLRColOffset = {last};\n"
        f"\tLRRowOffset = {last};\n\tLLColOffset = 0;\n\tLLRowOffset = {last};\nEND_GROUP = TILE_1\nEND;\n"
    )
    return path
