"""Synthetic deliveries of Landsat, PlanetScope, DIMAP and Maxar: small, with the names and metadata of real ones."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from seamline.engine.ground.grids import Window
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.reading import InputReader
from seamline.engine.request import OpenPolicy

SIDE = 48
"""Pixels of MS along a side."""

Values = NDArray[np.uint16]


@dataclass(frozen=True)
class Delivered:
    """What was written.

    Attributes:
        folder: the delivery.
        metadata: the file that says what it is.
        bands: DN by name.
    """

    folder: Path
    metadata: Path
    bands: dict[str, Values]

    def zipped(self) -> Path:
        path = self.folder.parent / f"{self.folder.name}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for member in sorted(self.folder.rglob("*")):
                if member.is_file():
                    file.write(member, member.relative_to(self.folder.parent))
        return path

    def change(self, old: str, new: str) -> None:
        """Put other words into the metadata."""
        text = self.metadata.read_text()
        assert old in text
        self.metadata.write_text(text.replace(old, new))


def ground(side: int, level: float = 1.0, seed: int = 3) -> Values:
    """The same texture at any size: (side, side), from 1000 upward."""
    fine = np.random.default_rng(seed).random((2 * SIDE, 2 * SIDE))
    rows, columns = np.indices(fine.shape)
    fine += 2 + np.sin(rows / 5) * np.cos(columns / 7)
    step = 2 * SIDE // side
    return np.rint(fine.reshape(side, step, side, step).mean(axis=(1, 3)) * 1000 * level).astype(np.uint16)


def write(path: Path, values: NDArray, pixel: float, *, top: float = 5000000, left: float = 500000, **more) -> Path:
    """A GeoTIFF of (bands, h, w) or (h, w)."""
    values = values[None] if values.ndim == 2 else values
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"count": len(values), "height": values.shape[1], "width": values.shape[2], "dtype": values.dtype} | more
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:32633", transform=from_origin(left, top, pixel, pixel), **profile
    ) as file:
        file.write(values)
    return path


def read(source: object, **options) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(values, validity) of an input as the engine takes it in, on its finest grid."""
    scene = describe("ms", str(source), **options)
    reader = InputReader(scene, scene.grid, "cubic", OpenPolicy())
    window = Window(0, 0, *scene.grid.shape)
    patch = reader.patch(reader.strip(window), window)
    reader.close()
    valid = np.ones(patch.values.shape, bool) if patch.valid is None else patch.valid
    return patch.values, np.broadcast_to(valid, patch.values.shape)


def write_landsat(
    folder: Path, level: str = "L1TP", craft: str = "LANDSAT_8", kinds: tuple[str, ...] = ("txt", "xml")
) -> Delivered:
    """A scene of Landsat 8 or 9; the first row is fill by its DN, the first column by QA_PIXEL alone."""
    surface = level.startswith("L2")
    scene = f"LC0{craft[-1]}_{level}_190028_20230601_20230607_02_T1"
    root = folder / scene
    numbers = [str(n) for n in (range(1, 8) if surface else range(1, 12))]
    bands, names = {}, {}
    for number in [*numbers, *(["ST_B10"] if surface else [])]:
        values, pixel, shift = ground(SIDE, 1 + 0.1 * len(bands)), 30.0, 0.0
        if number == "8":
            # Its first pixel has the centre of that of the others.
            values, pixel, shift = ground(2 * SIDE)[:-1, :-1], 15.0, 7.5
        values[0] = 0
        stem = f"SR_B{number}" if surface and "B" not in number else number if surface else f"B{number}"
        names[number] = f"{scene}_{stem}.TIF"
        write(root / names[number], values, pixel, top=5000000 - shift, left=500000 + shift)
        bands[number if "B" in number else f"B{number}"] = values
    quality = np.full((SIDE, SIDE), 21824, np.uint16)
    quality[:, 0] = 1
    # Cloud, with high confidence.
    quality[5, 5] = 22280
    write(root / f"{scene}_QA_PIXEL.TIF", quality, 30)
    tree = _mtl(scene, level, craft, names)
    for kind in kinds:
        (root / f"{scene}_MTL.{kind}").write_text(_MTL_WRITERS[kind]({"LANDSAT_METADATA_FILE": tree}))
    return Delivered(root, root / f"{scene}_MTL.{kinds[-1]}", bands)


def _mtl(scene: str, level: str, craft: str, names: dict[str, str]) -> dict:
    contents = {
        "LANDSAT_PRODUCT_ID": scene,
        "PROCESSING_LEVEL": level,
        "COLLECTION_NUMBER": "02",
        **{f"FILE_NAME_BAND_{number}": name for number, name in names.items()},
        "FILE_NAME_QUALITY_L1_PIXEL": f"{scene}_QA_PIXEL.TIF",
        "FILE_NAME_METADATA_ODL": f"{scene}_MTL.txt",
    }
    first = [str(n) for n in range(1, 10)]
    # Each band has factors of its own here, so that none is taken for another.
    rescaling = {f"REFLECTANCE_MULT_BAND_{n}": f"{2 + int(n)}.0000E-05" for n in first} | {
        f"REFLECTANCE_ADD_BAND_{n}": f"-0.{100000 + int(n)}" for n in first
    }
    rescaling |= {"RADIANCE_MULT_BAND_10": "3.8000E-04", "RADIANCE_ADD_BAND_10": "0.10000"}
    tree = {"PRODUCT_CONTENTS": contents, "IMAGE_ATTRIBUTES": {"SPACECRAFT_ID": craft, "SENSOR_ID": "OLI_TIRS"}}
    if level.startswith("L2"):
        tree |= {
            "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS": {
                **{f"REFLECTANCE_MULT_BAND_{n}": "2.75e-05" for n in range(1, 8)},
                **{f"REFLECTANCE_ADD_BAND_{n}": "-0.2" for n in range(1, 8)},
            },
            "LEVEL2_SURFACE_TEMPERATURE_PARAMETERS": {
                "TEMPERATURE_MULT_BAND_ST_B10": "0.00341802",
                "TEMPERATURE_ADD_BAND_ST_B10": "149.0",
            },
            # Level 2 says of what it was made, too.
            "LEVEL1_PROCESSING_RECORD": {f"FILE_NAME_BAND_{n}": f"made_of_B{n}.TIF" for n in range(1, 12)},
        }
    return tree | {"LEVEL1_RADIOMETRIC_RESCALING": rescaling}


def _as_xml(tree: dict) -> str:
    inside = (f"<{k}>{_as_xml(v) if isinstance(v, dict) else v}</{k}>" for k, v in tree.items())
    return "\n".join(inside)


def _as_odl(tree: dict) -> str:
    lines = []
    for key, value in tree.items():
        if isinstance(value, dict):
            lines += [f"GROUP = {key}", _as_odl(value), f"END_GROUP = {key}"]
        else:
            is_number = value.replace(".", "").replace("-", "").replace("+", "").replace("E", "").isdecimal()
            lines.append(f"  {key} = {value}" if is_number else f'  {key} = "{value}"')
    return "\n".join(lines)


_MTL_WRITERS = {
    "xml": lambda tree: '<?xml version="1.0" encoding="UTF-8"?>\n' + _as_xml(tree),
    "txt": lambda tree: _as_odl(tree) + "\nEND\n",
    "json": json.dumps,
}


def write_planetscope(folder: Path, count: int = 4, *, surface: bool = False, clip: str = "") -> Delivered:
    """A scene of four or eight bands; udm2 calls the first column not imaged, (5, 5) cloudy and (7, 7) suspect."""
    eight = "_8b" if count == 8 else ""
    scene, root = "20230601_100031_55_2414", folder / "PSScene"
    names = ("blue", "green", "red", "nir")
    if count == 8:
        names = ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir")
    values = np.stack([ground(SIDE, 1 + 0.1 * i) for i in range(count)])
    values[:, 0] = 0
    write(root / f"{scene}_3B_AnalyticMS{'_SR' * surface}{eight}{clip}.tif", values, 3, nodata=0)
    udm = np.zeros((8, SIDE, SIDE), np.uint8)
    udm[0] = 1
    udm[7, :, 0], udm[7, 5, 5], udm[7, 7, 7] = 1, 2, 4
    write(root / f"{scene}_3B_udm2{clip}.tif", udm, 3)
    specific = "".join(
        f"<ps:bandSpecificMetadata><ps:bandNumber>{i}</ps:bandNumber>"
        f"<ps:radiometricScaleFactor>0.01</ps:radiometricScaleFactor>"
        f"<ps:reflectanceCoefficient>{i}.5e-05</ps:reflectanceCoefficient></ps:bandSpecificMetadata>"
        for i in range(1, count + 1)
    )
    metadata = root / f"{scene}_3B_AnalyticMS{eight}_metadata{clip}.xml"
    metadata.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><ps:EarthObservation xmlns:ps="http://schemas.planet.com/ps/v1/'
        'planet_product_metadata_geocorrected_level" xmlns:eop="http://earth.esa.int/eop">'
        "<eop:instrument><eop:Instrument><eop:shortName>PS2</eop:shortName></eop:Instrument></eop:instrument>"
        f"<ps:ProductInformation><ps:numBands>{count}</ps:numBands></ps:ProductInformation>{specific}"
        "</ps:EarthObservation>"
    )
    return Delivered(root, metadata, dict(zip(names, values, strict=True)))


def write_dimap(folder: Path, *, pan: bool = True, mission: str = "PHR", processing: str = "BASIC") -> Delivered:
    """A bundle of MS and PAN, in two tiles each; the first row is not observed."""
    root = folder / "5888578101"
    order = ("B2", "B1", "B0", "B3")
    ms = np.stack([ground(SIDE, 1 + 0.1 * i) for i in range(4)])
    ms[:, 0] = 0
    metadata = _dimap_image(root / f"IMG_{mission}1A_MS_002", ms, 2.0, order, mission, processing)
    if pan:
        fine = ground(2 * SIDE)[None]
        fine[:, 0] = 0
        _dimap_image(root / f"IMG_{mission}1A_P_001", fine, 1.0, ("P",), mission, processing)
    (root / f"VOL_{mission}.XML").write_text(
        '<Dimap_Document><Metadata_Identification><METADATA_FORMAT version="2.15">DIMAP</METADATA_FORMAT>'
        "</Metadata_Identification></Dimap_Document>"
    )
    return Delivered(root, metadata, dict(zip(order, ms, strict=True)))


def _dimap_image(
    folder: Path, values: Values, pixel: float, order: tuple[str, ...], mission: str, processing: str
) -> Path:
    """One image in tiles of half its columns."""
    what = "P" if order == ("P",) else "MS"
    stem = f"{mission}1A_{what}_202306011000310_ORT_5888578101"
    side = values.shape[1]
    half = side // 2
    files = ""
    for column in (1, 2):
        name = f"IMG_{stem}_R1C{column}.TIF"
        start = (column - 1) * half
        write(folder / name, values[:, :, start : start + half], pixel, left=500000 + start * pixel)
        files += f'<Data_File tile_R="1" tile_C="{column}"><DATA_FILE_PATH href="{name}"/></Data_File>'
    red, green, blue = order[:3] if len(order) > 1 else order * 3
    alpha = f"<ALPHA_CHANNEL>{order[3]}</ALPHA_CHANNEL>" if len(order) > 3 else ""
    gains = "".join(
        f"<Band_{kind}><BAND_ID>{band}</BAND_ID><GAIN>{gain + i}</GAIN><BIAS>0.5</BIAS></Band_{kind}>"
        for kind, gain in (("Radiance", 9), ("Reflectance", 10000))
        for i, band in enumerate(order)
    )
    path = folder / f"DIM_{stem}.XML"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><Dimap_Document><Metadata_Identification>'
        '<METADATA_FORMAT version="2.15">DIMAP</METADATA_FORMAT></Metadata_Identification>'
        "<Coordinate_Reference_System><Projected_CRS><PROJECTED_CRS_CODE>urn:ogc:def:crs:EPSG::32633"
        "</PROJECTED_CRS_CODE></Projected_CRS></Coordinate_Reference_System>"
        "<Geoposition><Raster_CRS><PIXEL_ORIGIN>1</PIXEL_ORIGIN></Raster_CRS><Geoposition_Insert>"
        f"<ULXMAP>500000</ULXMAP><ULYMAP>5000000</ULYMAP><XDIM>{pixel}</XDIM><YDIM>{pixel}</YDIM>"
        "</Geoposition_Insert></Geoposition><Processing_Information><Product_Settings><Radiometric_Settings>"
        f"<RADIOMETRIC_PROCESSING>{processing}</RADIOMETRIC_PROCESSING></Radiometric_Settings></Product_Settings>"
        "</Processing_Information><Raster_Data><Data_Access><DATA_FILE_FORMAT>image/tiff</DATA_FILE_FORMAT>"
        f"<DATA_FILE_TILES>true</DATA_FILE_TILES><Data_Files>{files}</Data_Files></Data_Access><Raster_Dimensions>"
        f"<NROWS>{side}</NROWS><NCOLS>{side}</NCOLS><NBANDS>{len(order)}</NBANDS><Tile_Set><NTILES>2</NTILES>"
        f'<Regular_Tiling><NTILES_SIZE nrows="{side}" ncols="{half}"/><NTILES_COUNT ntiles_R="1" ntiles_C="2"/>'
        '<NTILES_OVERLAP nrows="0" ncols="0"/></Regular_Tiling></Tile_Set></Raster_Dimensions>'
        "<Raster_Encoding><NBITS>16</NBITS></Raster_Encoding><Raster_Display><Band_Display_Order>"
        f"<RED_CHANNEL>{red}</RED_CHANNEL><GREEN_CHANNEL>{green}</GREEN_CHANNEL><BLUE_CHANNEL>{blue}</BLUE_CHANNEL>"
        f"{alpha}</Band_Display_Order><Special_Value><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT>"
        "<SPECIAL_VALUE_COUNT>0</SPECIAL_VALUE_COUNT></Special_Value><Special_Value><SPECIAL_VALUE_TEXT>SATURATED"
        "</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_COUNT>4095</SPECIAL_VALUE_COUNT></Special_Value></Raster_Display>"
        "</Raster_Data><Radiometric_Data><Radiometric_Calibration><Instrument_Calibration><Band_Measurement_List>"
        f"{gains}</Band_Measurement_List></Instrument_Calibration></Radiometric_Calibration></Radiometric_Data>"
        f"<Dataset_Sources><Source_Identification><Strip_Source><MISSION>{mission}</MISSION>"
        "<MISSION_INDEX>1A</MISSION_INDEX></Strip_Source></Source_Identification></Dataset_Sources></Dimap_Document>"
    )
    return path


def write_maxar(
    folder: Path, *, craft: str = "WV03", letters: str = "C B G Y R RE N N2", identity: str = "Multi"
) -> Delivered:
    """A bundle of MS and PAN, two tiles each."""
    root = folder / "056956784010_01"
    order = letters.split()
    ms = np.stack([ground(SIDE, 1 + 0.1 * i) for i in range(len(order))])
    metadata = _maxar_image(root / "056956784010_01_P001_MUL", "M2AS", ms, 2.0, order, craft, identity)
    _maxar_image(root / "056956784010_01_P001_PAN", "P2AS", ground(2 * SIDE)[None], 1.0, ["P"], craft, "P")
    return Delivered(root, metadata, dict(zip(order, ms, strict=True)))


def _maxar_image(
    folder: Path, code: str, values: Values, pixel: float, order: list[str], craft: str, identity: str
) -> Path:
    stem = f"23JUN01100031-{code}-056956784010_01_P001"
    side = values.shape[1]
    half, last = side // 2, side - 1
    tiles = ""
    for column in (1, 2):
        start = (column - 1) * half
        stop = start + half - 1
        name = f"{stem.replace('-' + code, f'-{code}_R1C{column}')}.TIF"
        write(folder / name, values[:, :, start : start + half], pixel, left=500000 + start * pixel)
        tiles += (
            f'BEGIN_GROUP = TILE_{column}\n\tfilename = "{name}";\n\tULColOffset = {start};\n\tULRowOffset = 0;\n'
            f"\tURColOffset = {stop};\n\tURRowOffset = 0;\n\tLRColOffset = {stop};\n\tLRRowOffset = {last};\n"
            f"\tLLColOffset = {start};\n\tLLRowOffset = {last};\nEND_GROUP = TILE_{column}\n"
        )
    groups = "".join(
        f"BEGIN_GROUP = BAND_{band}\n\tULLon =  15.0;\n\tabsCalFactor = 1.78e-02;\n\teffectiveBandwidth = 5.4e-02;\n"
        f"END_GROUP = BAND_{band}\n"
        for band in order
    )
    (folder / f"{stem}.IMD").write_text(
        f'version = "28.3";\nbandId = "{identity}";\nnumRows = {side};\nnumColumns = {side};\n'
        f'productLevel = "LV2A";\nbitsPerPixel = 16;\n{groups}BEGIN_GROUP = IMAGE_1\n\tsatId = "{craft}";\n'
        "\tTLCList = (\n\t(0,  0.000000),\n\t(6775,  1.355000)\t);\nEND_GROUP = IMAGE_1\n"
        f"BEGIN_GROUP = MAP_PROJECTED_PRODUCT\n\tULX = {500000 + pixel / 2};\n\tULY = {5000000 - pixel / 2};\n"
        f"\tcolSpacing = {pixel};\n\trowSpacing = {pixel};\nEND_GROUP = MAP_PROJECTED_PRODUCT\nEND;\n"
    )
    til = folder / f"{stem}.TIL"
    til.write_text(
        f'bandId = "{identity}";\nnumTiles = 2;\ntileSizeX = {half};\ntileSizeY = {side};\ntileUnits = "Pixels";\n'
        f"tileOverlap = 0;\n{tiles}END;\n"
    )
    return til
