"""How results are drawn: as the input is where the bands match, else in natural colours; classes by their colours.

Shapes of classes have the colours of the map that they were made of, half as strong.  Other outputs are measures of
every pixel, such as deviations or probabilities, and are drawn by a ramp.
"""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsColorRampShader,
    QgsFillSymbol,
    QgsGradientColorRamp,
    QgsGradientStop,
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsProject,
    QgsRasterLayer,
    QgsRasterShader,
    QgsRendererCategory,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtGui import QColor

from . import compat

_COLOURS = (("red", "b04", "b4"), ("green", "b03", "b3"), ("blue", "b02", "b2"))
# Magma: brightness rises evenly with the value, also for the colour blind and on grey paper.
_RAMP = ("#000004", "#3b0f70", "#8c2981", "#de4968", "#fe9f6d", "#fcfdbf")
# Viridis does likewise, and tells trust from deviations.
_TRUST_RAMP = ("#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725")
_LOW, _HIGH = 0.02, 0.98
_SAMPLE_PX = 250_000
# What stands before the name of the image's band.
_OF_BANDS = ("standard deviation of ", "trust in the reference, ")
# Of shapes: the map or the image below them is seen through.
_CLASS_FIELD, _OPACITY, _RIM = "class", 0.5, "70,70,70"


class Look:
    """The drawing of the main input, taken where its layer may be touched.

    Attributes:
        renderer: a copy; None where the input is no layer of the project, so that nobody chose its looks.
        bands: its bands that the output has, in order, from 1.
    """

    def __init__(self, renderer: Any, bands: list[int]) -> None:
        self.renderer, self.bands = renderer, bands

    @classmethod
    def of(cls, layer: Any, bands: list[int]) -> Look:
        """The look of an input of which these bands are taken; all where the list is empty."""
        is_shown = QgsProject.instance().mapLayer(layer.id()) is not None
        renderer = layer.renderer().clone() if is_shown and layer.renderer() is not None else None
        return cls(renderer, bands or list(range(1, layer.bandCount() + 1)))

    def renderer_for(self, output: Any) -> Optional[Any]:
        """The renderer for a layer with these bands; None where the input's cannot be had."""
        if self.renderer is None or output.bandCount() != len(self.bands):
            return None
        place = {band: index for index, band in enumerate(self.bands, 1)}
        renderer = self.renderer.clone()
        if not set(renderer.usesBands()) <= place.keys():
            return None
        if isinstance(renderer, QgsMultiBandColorRenderer):
            renderer.setRedBand(place.get(renderer.redBand(), -1))
            renderer.setGreenBand(place.get(renderer.greenBand(), -1))
            renderer.setBlueBand(place.get(renderer.blueBand(), -1))
        elif isinstance(renderer, QgsSingleBandGrayRenderer):
            renderer.setGrayBand(place[renderer.grayBand()])
        elif isinstance(renderer, QgsSingleBandPseudoColorRenderer):
            renderer.setBand(place[renderer.band()])
        elif self.bands != list(range(1, len(self.bands) + 1)):
            return None
        return renderer


def draw_image(layer: Any, look: Optional[Look]) -> None:
    """Draw an image as its input is drawn, or in natural colours stretched to 2 to 98 % of its own pixels."""
    renderer = look.renderer_for(layer) if look is not None else None
    if renderer is not None:
        layer.setRenderer(renderer)
        return
    bands = shown_bands(names_of(layer))
    provider = layer.dataProvider()
    if len(bands) == 3:
        layer.setRenderer(QgsMultiBandColorRenderer(provider, *bands))
    else:
        layer.setRenderer(QgsSingleBandGrayRenderer(provider, bands[0]))
    layer.setContrastEnhancement(compat.MIN_MAX_STRETCH, compat.CUMULATIVE_CUT)


def draw_classes(layer: Any, names: list[str]) -> None:
    """Draw a map of classes in the colours of its file, under these names.

    Raises:
        ValueError: the file has no colours for them.
    """
    layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, _classes(layer, names)))


def draw_class_shapes(layer: Any, path: str, names: list[str]) -> None:
    """Draw shapes of classes in the colours of the map that they were made of, under these names.

    Args:
        path: of the map.

    Raises:
        ValueError: the map has no colours for them.
    """
    categories = []
    for each in _classes(QgsRasterLayer(path, ""), names):
        red, green, blue, _ = each.color.getRgb()
        symbol = QgsFillSymbol.createSimple(
            {"color": f"{red},{green},{blue}", "outline_color": _RIM, "outline_width": "0.1"}
        )
        categories.append(QgsRendererCategory(int(each.value), symbol, each.label))
    layer.setRenderer(QgsCategorizedSymbolRenderer(_CLASS_FIELD, categories))
    layer.setOpacity(_OPACITY)


def _classes(layer: Any, names: list[str]) -> list[Any]:
    classes = QgsPalettedRasterRenderer.colorTableToClassData(layer.dataProvider().colorTable(1))[: len(names)]
    if len(classes) != len(names):
        raise ValueError(f"{len(classes)} colours for {len(names)} classes")
    for each, name in zip(classes, names):
        each.label = name
    return classes


def draw_deviations(layer: Any) -> None:
    """Draw standard deviations: the band that an image shows as red, from nothing to its 98th percentile."""
    band = shown_bands(names_of(layer))[0]
    _, most = layer.dataProvider().cumulativeCut(band, _LOW, _HIGH, layer.extent(), _SAMPLE_PX)
    _draw_ramp(layer, band, 0.0, most if most > 0 else 1.0)


def draw_trust(layer: Any) -> None:
    """Draw the trust in a reference: the band that an image shows as red, from 0 to 1, so that two runs compare."""
    _draw_ramp(layer, shown_bands(names_of(layer))[0], 0.0, 1.0, _TRUST_RAMP)


def draw_support(layer: Any) -> None:
    """Draw the share of the detail that was added, from 0 to 1, so that two runs compare."""
    _draw_ramp(layer, 1, 0.0, 1.0)


def draw_measure(layer: Any) -> None:
    """Draw what a model says of every pixel: the first band, from its 2nd to its 98th percentile."""
    least, most = layer.dataProvider().cumulativeCut(1, _LOW, _HIGH, layer.extent(), _SAMPLE_PX)
    _draw_ramp(layer, 1, least, most if most > least else least + 1.0)


def _draw_ramp(layer: Any, band: int, least: float, most: float, colours: tuple[str, ...] = _RAMP) -> None:
    provider = layer.dataProvider()
    stops = [QgsGradientStop(i / (len(colours) - 1), QColor(name)) for i, name in enumerate(colours)][1:-1]
    ramp = QgsGradientColorRamp(QColor(colours[0]), QColor(colours[-1]), False, stops)
    function = QgsColorRampShader(least, most, ramp, compat.INTERPOLATED, compat.CONTINUOUS)
    function.classifyColorRamp(band=band, extent=layer.extent(), input=provider)
    shader = QgsRasterShader()
    shader.setMinimumValue(least)
    shader.setMaximumValue(most)
    shader.setRasterShaderFunction(function)
    renderer = QgsSingleBandPseudoColorRenderer(provider, band, shader)
    renderer.setClassificationMin(least)
    renderer.setClassificationMax(most)
    layer.setRenderer(renderer)


def names_of(layer: Any) -> list[str]:
    """Names of the bands, without the number that QGIS puts before each."""
    names = [layer.bandName(band) for band in range(1, layer.bandCount() + 1)]
    return [name.partition(":")[2].strip() for name in names]


def shown_bands(names: list[str]) -> list[int]:
    """Numbers, from 1, of the bands shown as red, green and blue, or of the one shown as grey.

    By their names where these say a colour; else 3, 2, 1, which is the order of bands by wavelength, or 1, 2, 3 where
    there are three alone.
    """
    plain = [name.lower() for name in names]
    for words in _OF_BANDS:
        plain = [name.replace(words, "") for name in plain]
    named = [next((i for i, name in enumerate(plain, 1) if name.split(" ")[0] in words), 0) for words in _COLOURS]
    if all(named):
        return named
    return [1] if len(names) < 3 else [1, 2, 3] if len(names) == 3 else [3, 2, 1]
