"""Good inputs of every kind that the program reads, small, to be mutated."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.transform import from_origin
from safetensors.torch import save_file

from seamline import __version__
from seamline.engine.output.workspace import Workspace
from seamline.engine.request import Request
from seamline.engine.run import plan_run
from seamline.models import registry
from seamline.models.folder import CARD

HEIGHT, WIDTH = 40, 48
_PLACE = from_origin(500000, 5000000, 2, 2)
_RECIPES = Path(registry.__file__).parents[1] / "training" / "recipes"
_OTHER = "satdifuser_buildings.yaml"
WHEEL = f"seamline-{__version__}-py3-none-any.whl"
_IMAGE = "GRANULE/L2A_T33UUP/IMG_DATA/R10m/T33UUP_20230601T100031_{}_10m"


@dataclass(frozen=True, slots=True)
class Seed:
    """A good input.

    Attributes:
        name: of it, and of the folder in which it lies.
        door: that reads it.
        main: the file or folder that is given to the door.
        files: paths in the folder and their forms, those that are mutated.
    """

    name: str
    door: str
    main: str
    files: tuple[tuple[str, str], ...]


SEEDS = (
    Seed("striped", "raster", "a.tif", (("a.tif", "tiff"),)),
    Seed("tiled, masked, with overviews", "raster", "a.tif", (("a.tif", "tiff"),)),
    Seed("float", "raster", "a.tif", (("a.tif", "tiff"),)),
    Seed("alpha", "raster", "a.tif", (("a.tif", "tiff"),)),
    Seed("JPEG in TIFF", "raster", "a.tif", (("a.tif", "tiff"),)),
    Seed(
        "side files",
        "raster",
        "a.tif",
        (("a.tif", "tiff"), ("a.tif.msk", "tiff"), ("a.tif.ovr", "tiff"), ("a.tif.aux.xml", "text")),
    ),
    Seed("world file", "raster", "a.tif", (("a.tif", "tiff"), ("a.tfw", "text"))),
    Seed("PNG", "raster", "a.png", (("a.png", "binary"), ("a.png.aux.xml", "text"))),
    Seed("JPEG", "raster", "a.jpg", (("a.jpg", "binary"),)),
    Seed("JPEG 2000", "raster", "a.jp2", (("a.jp2", "binary"),)),
    Seed("WebP", "raster", "a.webp", (("a.webp", "binary"),)),
    Seed("ENVI", "raster", "a.dat", (("a.hdr", "text"), ("a.hdr", "text"), ("a.dat", "binary"))),
    Seed("HFA", "raster", "a.img", (("a.img", "binary"),)),
    Seed("DIMAP", "raster", "DIM_A.XML", (("DIM_A.XML", "text"), ("DIM_A.XML", "text"), ("a.tif", "tiff"))),
    Seed("TIL", "raster", "a.til", (("a.til", "text"), ("a.til", "text"), ("a.tif", "tiff"))),
    Seed("virtual", "trusted raster", "a.vrt", (("a.vrt", "text"), ("a.vrt", "text"), ("a.tif", "tiff"))),
    Seed("folder of a product", "product", "A.SAFE", (("A.SAFE/MTD_MSIL2A.xml", "text"),)),
    Seed("archive of a product", "product", "a.zip", (("a.zip", "zip"),)),
    Seed("archive of a product, its metadata", "archived product", "a.zip", (("MTD_MSIL2A.xml", "text"),)),
    Seed("card of a pan-sharpener", "card", ".", ((CARD, "json"),)),
    Seed("card of classes", "card", ".", ((CARD, "json"),)),
    Seed("safetensors", "model", "model.safetensors", (("model.safetensors", "safetensors"),)),
    Seed("checkpoint", "checkpoint", "a.pt", (("a.pt", "zip"),)),
    Seed("old checkpoint", "checkpoint", "a.pt", (("a.pt", "binary"),)),
    Seed("settings", "settings", "a.json", (("a.json", "json"),)),
    Seed("wheel", "wheel", WHEEL, ((WHEEL, "zip"),)),
    Seed("sensor in YAML", "sensor", "a.yaml", (("a.yaml", "text"),)),
    Seed("sensor in JSON", "sensor", "a.json", (("a.json", "json"),)),
    Seed("recipe", "recipe", "a.yaml", (("a.yaml", "text"),)),
    Seed("recipe like another", "recipe", "a.yaml", (("a.yaml", "text"), (_OTHER, "text"))),
    Seed("plan", "plan", "o.tif.seamline", (("o.tif.seamline/plan.json", "json"),)),
    Seed("signed plan", "signed plan", "o.tif.seamline", (("o.tif.seamline/plan.json", "json"),)),
    Seed("receipt", "receipt", "o.tif.seamline", (("o.tif.seamline/bands/000000.json", "json"),)),
    Seed("GeoJSON", "shapes", "a.geojson", (("a.geojson", "json"),)),
)


def write_seeds(folder: Path) -> None:
    """Write every seed into a folder of its own."""
    for seed in SEEDS:
        place = folder / seed.name
        place.mkdir(parents=True)
        write_seed(seed.name, place)
        for name, _ in seed.files:
            if not (place / name).is_file():
                raise RuntimeError(f"the seed {seed.name} lacks {name}")


def write_seed(name: str, place: Path) -> None:
    """Write the seed of that name into a folder."""
    _WRITERS[name](place)


def values_of(bands: int, dtype: str = "uint16") -> NDArray[Any]:
    """(bands, HEIGHT, WIDTH) of a smooth scene with noise; no value is 0."""
    rng = np.random.default_rng(11)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    bright = np.stack([120 + 60 * np.sin(columns / (5 + b)) + 30 * np.cos(rows / 7) for b in range(bands)])
    return (bright + rng.normal(0, 5, bright.shape)).clip(1, 250).astype(dtype)


def _raster(path: Path, values: NDArray[Any], mask: bool = False, **more: Any) -> Path:
    profile = {"driver": "GTiff", "count": len(values), "height": HEIGHT, "width": WIDTH, "dtype": values.dtype}
    profile |= {"crs": "EPSG:32633", "transform": _PLACE}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **(profile | more)) as file:
        file.write(values)
        if mask:
            file.write_mask((values[0] % 3 > 0).astype(np.uint8) * 255)
    return path


def _tiled(place: Path) -> None:
    path = _raster(
        place / "a.tif",
        values_of(3),
        mask=True,
        tiled=True,
        blockxsize=16,
        blockysize=16,
        compress="deflate",
        predictor=2,
    )
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2])
        file.descriptions = ("red", "green", "blue")
        file.scales, file.offsets = (0.5,) * 3, (1.0,) * 3


def _sided(place: Path) -> None:
    path = _raster(place / "a.tif", values_of(3))
    with rasterio.Env(TIFF_USE_OVR=True, GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as file:
        file.write_mask((values_of(1)[0] % 3 > 0).astype(np.uint8) * 255)
        file.build_overviews([2])
    _aux(place / "a.tif.aux.xml")


def _aux(path: Path) -> None:
    path.write_text(
        '<PAMDataset><SRS dataAxisToSRSAxisMapping="1,2">EPSG:32633</SRS><GeoTransform>500000, 2, 0, 5000000, 0, -2'
        '</GeoTransform><Metadata><MDI key="A">1</MDI></Metadata><PAMRasterBand band="1"><NoDataValue>7</NoDataValue>'
        "<Offset>1</Offset><Scale>2</Scale><Description>red</Description><ColorInterp>Red</ColorInterp></PAMRasterBand>"
        "</PAMDataset>\n"
    )


def _world(place: Path) -> None:
    _raster(place / "a.tif", values_of(3), crs=None, transform=None)
    (place / "a.tfw").write_text("2.0\n0.0\n0.0\n-2.0\n500001.0\n4999999.0\n")


def _png(place: Path) -> None:
    _raster(place / "a.png", values_of(3, "uint8"), driver="PNG")


def _dimap(place: Path) -> None:
    _raster(place / "a.tif", values_of(3))
    (place / "DIM_A.XML").write_text(
        '<?xml version="1.0"?>\n<Dimap_Document>\n<Metadata_Id><METADATA_FORMAT version="1.1">DIMAP</METADATA_FORMAT>'
        f"</Metadata_Id>\n<Raster_Dimensions><NCOLS>{WIDTH}</NCOLS>\n<NROWS>{HEIGHT}</NROWS>\n<NBANDS>3</NBANDS>"
        "</Raster_Dimensions>\n<Geoposition><Geoposition_Insert><ULXMAP>500000</ULXMAP><ULYMAP>5000000</ULYMAP>\n"
        "<XDIM>2</XDIM><YDIM>2</YDIM></Geoposition_Insert></Geoposition>\n"
        '<Data_Access><Data_File><DATA_FILE_PATH href="a.tif"/></Data_File></Data_Access>\n</Dimap_Document>\n'
    )


def _til(place: Path) -> None:
    _raster(place / "a.tif", values_of(4))
    corners = {"UL": (0, 0), "UR": (WIDTH - 1, 0), "LR": (WIDTH - 1, HEIGHT - 1), "LL": (0, HEIGHT - 1)}
    offsets = "".join(f"\t{at}ColOffset = {x};\n\t{at}RowOffset = {y};\n" for at, (x, y) in corners.items())
    (place / "a.til").write_text(
        f'bandId = "Multi";\nnumTiles = 1;\ntileSizeX = {WIDTH};\ntileSizeY = {HEIGHT};\ntileUnits = "Pixels";\n'
        f'tileOverlap = 0;\nBEGIN_GROUP = TILE_1\n\tfilename = "a.tif";\n{offsets}END_GROUP = TILE_1\nEND;\n'
    )
    (place / "a.imd").write_text(
        f'version = "AA";\nnumRows = {HEIGHT};\nnumColumns = {WIDTH};\nbitsPerPixel = 16;\nbandId = "Multi";\n'
        'BEGIN_GROUP = IMAGE_1\n\tsatId = "WV02";\nEND_GROUP = IMAGE_1\nEND;\n'
    )


def _virtual(place: Path) -> None:
    _raster(place / "a.tif", values_of(3))
    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{b}"><SimpleSource>\n<SourceFilename relativeToVRT="1">a.tif'
        f"</SourceFilename><SourceBand>{b}</SourceBand></SimpleSource></VRTRasterBand>\n"
        for b in (1, 2, 3)
    )
    (place / "a.vrt").write_text(
        f'<VRTDataset rasterXSize="{WIDTH}" rasterYSize="{HEIGHT}">\n<SRS>EPSG:32633</SRS>\n'
        f"<GeoTransform>500000, 2, 0, 5000000, 0, -2</GeoTransform>\n{bands}</VRTDataset>\n"
    )


def _product(place: Path) -> None:
    root = place / "A.SAFE"
    for i, band in enumerate(("B02", "B03", "B04")):
        path = root / f"{_IMAGE.format(band)}.jp2"
        path.parent.mkdir(parents=True, exist_ok=True)
        _raster(path, values_of(3)[i : i + 1], driver="JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES")
    (root / "MTD_MSIL2A.xml").write_text("\n".join(_metadata()))


def _metadata() -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<Level-2A_User_Product>'
    yield "<PROCESSING_BASELINE>05.09</PROCESSING_BASELINE>"
    yield '<Granule_List><Granule granuleIdentifier="S2A_T33UUP" imageFormat="JPEG2000">'
    yield from (f"<IMAGE_FILE>{_IMAGE.format(band)}</IMAGE_FILE>" for band in ("B02", "B03", "B04"))
    yield "</Granule></Granule_List>\n<BOA_QUANTIFICATION_VALUE>10000</BOA_QUANTIFICATION_VALUE>"
    yield from (f'<BOA_ADD_OFFSET band_id="{i}">{-1000 - i}</BOA_ADD_OFFSET>' for i in range(13))
    yield "</Level-2A_User_Product>\n"


def _archive(place: Path) -> None:
    _product(place)
    pack(place / "A.SAFE", place / "a.zip")
    (place / "MTD_MSIL2A.xml").write_bytes((place / "A.SAFE" / "MTD_MSIL2A.xml").read_bytes())


def pack(folder: Path, archive: Path) -> None:
    """Pack a folder into an archive that names it."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for member in sorted(folder.rglob("*")):
            if member.is_file():
                file.write(member, member.relative_to(folder.parent))


def _card(model: str) -> Callable[[Path], object]:
    return lambda place: shutil.copyfile(registry.WEIGHTS / model / CARD, place / CARD)


def _tensors() -> dict[str, torch.Tensor]:
    drawn = torch.Generator().manual_seed(3)
    shapes = {"a.weight": (8, 4, 3, 3), "a.bias": (8,), "b.weight": (2, 8), "b.scale": ()}
    return {name: torch.randn(shape, generator=drawn).half() for name, shape in shapes.items()}


def _safetensors(place: Path) -> None:
    save_file(_tensors(), place / "model.safetensors")
    _card("salad-pan-tiny")(place)


def _wheel(place: Path) -> None:
    from .doors import sign

    folder = place / "seamline" / "models" / "weights" / "a"
    folder.mkdir(parents=True)
    _safetensors(folder)
    sign(folder)
    pack(place / "seamline", place / WHEEL)


def _settings(place: Path) -> None:
    (place / "a.json").write_text(json.dumps({"_class_name": "UNet2DConditionModel", "layers": [1, 2], "act": "silu"}))


_SENSOR = {
    "name": "Mine",
    "pan_gsd": 0.5,
    "ms_gsd": 2.0,
    "bits": 11,
    "pan_gain": 0.15,
    "bands": [{"name": "blue", "low": 450, "high": 510, "gain": 0.3}, {"name": "red", "low": 630, "high": 690}],
}


def _sensor_yaml(place: Path) -> None:
    (place / "a.yaml").write_text(
        "name: Mine\npan_gsd: 0.5\nms_gsd: 2.0\nbits: 11\npan_gain: 0.15\nbands:\n"
        "  - {name: blue, low: 450, high: 510, gain: 0.3}\n  - name: red\n    low: 630\n    high: 690\n"
    )


def _recipe_like(place: Path) -> None:
    for name, recipe in (("a.yaml", "satdifuser_landcover.yaml"), (_OTHER, _OTHER)):
        shutil.copyfile(_RECIPES / recipe, place / name)


def _plan(place: Path) -> None:
    _raster(place / "a.tif", values_of(3))
    request = Request(inputs={"image": str(place / "a.tif")}, out=str(place / "o.tif"), tile=16, overlap=8, threads=1)
    plan, _ = plan_run(request, registry.resolve("bicubic", "superres", scale=2))
    workspace = Workspace.beside(place / "o.tif")
    workspace.folder.mkdir()
    workspace.create(plan)
    planes = np.ones((plan.output.planes, 24, 96), plan.output.dtype)
    workspace.row_bands(plan).write(0, {plan.output.name: planes}, {"band": 0, "seconds": 0.5})


def _geojson(place: Path) -> None:
    ring = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
    rows = [("Polygon", [ring]), ("MultiPolygon", [[ring]]), ("Point", [1, 2]), ("LineString", [[0, 0], [1, 1]])]
    features = [
        {"type": "Feature", "properties": {"class": i}, "geometry": {"type": kind, "coordinates": coordinates}}
        for i, (kind, coordinates) in enumerate(rows)
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    (place / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))


_WRITERS: dict[str, Callable[[Path], object]] = {
    "striped": lambda place: _raster(place / "a.tif", values_of(3)),
    "tiled, masked, with overviews": _tiled,
    "float": lambda place: _raster(place / "a.tif", values_of(2, "float32"), nodata=float("nan"), compress="lzw"),
    "alpha": lambda place: _raster(place / "a.tif", values_of(4, "uint8"), photometric="RGB", alpha="YES"),
    "JPEG in TIFF": lambda place: _raster(place / "a.tif", values_of(3, "uint8"), compress="jpeg", photometric="YCBCR"),
    "side files": _sided,
    "world file": _world,
    "PNG": _png,
    "JPEG": lambda place: _raster(place / "a.jpg", values_of(3, "uint8"), driver="JPEG"),
    "JPEG 2000": lambda place: _raster(place / "a.jp2", values_of(3), driver="JP2OpenJPEG", REVERSIBLE="YES"),
    "WebP": lambda place: _raster(place / "a.webp", values_of(3, "uint8"), driver="WEBP", LOSSLESS="YES"),
    "ENVI": lambda place: _raster(place / "a.dat", values_of(3), driver="ENVI"),
    "HFA": lambda place: _raster(place / "a.img", values_of(3), driver="HFA"),
    "DIMAP": _dimap,
    "TIL": _til,
    "virtual": _virtual,
    "folder of a product": _product,
    "archive of a product": _archive,
    "archive of a product, its metadata": _archive,
    "card of a pan-sharpener": _card("salad-pan-tiny"),
    "card of classes": _card("satdifuser-landcover"),
    "safetensors": _safetensors,
    "checkpoint": lambda place: torch.save(_tensors(), place / "a.pt"),
    "old checkpoint": lambda place: torch.save(_tensors(), place / "a.pt", _use_new_zipfile_serialization=False),
    "settings": _settings,
    "wheel": _wheel,
    "sensor in YAML": _sensor_yaml,
    "sensor in JSON": lambda place: (place / "a.json").write_text(json.dumps(_SENSOR)),
    "recipe": lambda place: shutil.copyfile(_RECIPES / "yardstick.yaml", place / "a.yaml"),
    "recipe like another": _recipe_like,
    "plan": _plan,
    "signed plan": _plan,
    "receipt": _plan,
    "GeoJSON": _geojson,
}
