"""Options of the engine as parameters of QGIS: each knows its widget, its help, and its words on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from qgis.core import (
    NULL,
    QgsProcessingAlgorithm,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from .. import compat
from ..catalogue import Model
from ..engine_process import EngineError
from ..files import is_wanted
from ..text import tr

AUTO = "auto"
_MOST_REAL = 1e308


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: of the parameter; stable, because saved models and scripts hold it.
        flag: of the engine's command line.
        title, help: what the user reads.
        advanced: folded away in the dialog.
    """

    name: str
    flag: str
    title: str
    help: str
    advanced: bool = True

    def parameter(self) -> QgsProcessingParameterDefinition:
        """The parameter, new each time, because an algorithm owns its own."""
        raise NotImplementedError(f"{type(self).__name__} makes no parameter")

    def words(self, algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: Any) -> list[str]:
        """What it adds to the command line; nothing where the engine is to decide.

        Raises:
            EngineError: the value is none that it takes.
        """
        raise NotImplementedError(f"{type(self).__name__} says nothing")


@dataclass(frozen=True)
class Number(Option):
    """A number that may be left empty.

    Attributes:
        least, most: the range.
        is_whole: whether it counts something.
        output: the optional output that it is about; it says nothing where that is not made.
    """

    least: float = 0
    most: float = 2**31 - 1
    is_whole: bool = True
    output: str = ""

    def parameter(self) -> QgsProcessingParameterDefinition:
        """A spin box that may be empty."""
        kind = compat.INTEGER if self.is_whole else compat.REAL
        number = QgsProcessingParameterNumber(
            self.name, self.title, kind, None, optional=True, minValue=self.least, maxValue=self.most
        )
        return saying(number, tr("default"))

    def words(self, algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: Any) -> list[str]:
        """The option and its number, where one is given."""
        is_idle = bool(self.output) and not is_wanted(parameters.get(self.output))
        if is_idle or not is_given(parameters.get(self.name)):
            return []
        read = algorithm.parameterAsInt if self.is_whole else algorithm.parameterAsDouble
        return [self.flag, repr(read(parameters, self.name, context))]


@dataclass(frozen=True)
class Choice(Option):
    """One of several words; the first one is the default, and says nothing to the engine where it is ``auto``."""

    choices: tuple[str, ...] = ()

    def parameter(self) -> QgsProcessingParameterDefinition:
        """A drop-down whose value is the word itself: numbers would change their meaning when the list grows."""
        return QgsProcessingParameterEnum(
            self.name, self.title, list(self.choices), False, self.choices[0], usesStaticStrings=True
        )

    def words(self, algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: Any) -> list[str]:
        """The option and its word."""
        choice = chosen(algorithm, parameters, self.name, context)
        return [] if choice == AUTO else [self.flag, choice]


@dataclass(frozen=True)
class Text(Option):
    """A word that may be left empty."""

    def parameter(self) -> QgsProcessingParameterDefinition:
        """A line of text."""
        return QgsProcessingParameterString(self.name, self.title, None, optional=True)

    def words(self, algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: Any) -> list[str]:
        """The option and its word, where one is given."""
        text = algorithm.parameterAsString(parameters, self.name, context).strip()
        return [self.flag, text] if text else []


@dataclass(frozen=True)
class Folder(Option):
    """A folder that may be left empty; a name that the engine knows may stand in its place."""

    def parameter(self) -> QgsProcessingParameterDefinition:
        """A line of text with a button that chooses a folder."""
        return QgsProcessingParameterFile(self.name, self.title, compat.FOLDER, optional=True)

    def words(self, algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: Any) -> list[str]:
        """The option and its folder, where one is given."""
        text = algorithm.parameterAsFile(parameters, self.name, context).strip()
        return [self.flag, text] if text else []


@dataclass(frozen=True)
class Switch(Option):
    """Yes or no; no says nothing to the engine."""

    def parameter(self) -> QgsProcessingParameterDefinition:
        """A box to tick."""
        return QgsProcessingParameterBoolean(self.name, self.title, False)

    def words(self, algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: Any) -> list[str]:
        """The option, where it is ticked."""
        return [self.flag] if algorithm.parameterAsBool(parameters, self.name, context) else []


def saying(parameter: QgsProcessingParameterDefinition, text: str) -> QgsProcessingParameterDefinition:
    """The parameter, whose widget says ``text`` while there is no value."""
    # By its name: a program without a window loads no widgets.
    module = __name__.replace(".algorithms.options", ".widgets")
    parameter.setMetadata({"widget_wrapper": {"class": f"{module}.Saying", "text": text}})
    return parameter


def chosen(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], name: str, context: Any, also: tuple[str, ...] = ()
) -> str:
    """The word that was chosen, whether it was given as a word or by its number.

    Args:
        also: words that are on offer although the parameter does not list them.

    Raises:
        EngineError: it is not on offer.
    """
    parameter = algorithm.parameterDefinition(name)
    # Not parameterAsEnumString, which takes the default for a word that it does not know.
    choice = algorithm.parameterAsString(parameters, name, context)
    # The help of qgis_process 3.22 asks for the number of an option, even where the words are the values.
    if choice.isdecimal() and int(choice) < len(parameter.options()):
        choice = parameter.options()[int(choice)]
    if choice not in parameter.options() and choice not in also:
        raise EngineError(
            tr("'{choice}' is not on offer").format(choice=choice),
            where=parameter.description(),
            fix=tr("choose one of {names}").format(names=", ".join(parameter.options())),
        )
    return choice


def is_given(value: Any) -> bool:
    """Whether an optional parameter has a value."""
    return value is not None and value != "" and value != NULL


def _by_model(text: str) -> str:
    return text + " " + tr("Empty: the default of the model.")


def tile() -> Option:
    """Side of a tile."""
    text = tr("Side of a tile in pixels of the finest input. More is faster and takes more memory.")
    return Number("TILE", "--tile", tr("Tile (px)"), _by_model(text), least=16, most=65536)


def overlap() -> Option:
    """Overlap of tiles."""
    text = tr("Pixels shared by neighbouring tiles, at most half a tile.")
    return Number("OVERLAP", "--overlap", tr("Overlap (px)"), _by_model(text), most=32768)


def steps(models: Iterable[Model]) -> Option:
    """Steps of a sampler, bounded by what these models say of themselves."""
    text = tr("Steps of a diffusion model. More takes longer.")
    bounds = [f"{model.name}: 1 - {model.most_steps}" for model in models if model.most_steps]
    text = " ".join([text, *([", ".join(bounds) + "."] if bounds else [])])
    return Number("STEPS", "--steps", tr("Denoising steps"), _by_model(text), least=1, most=1000)


def guidance() -> Option:
    """Weight of what guides a model."""
    text = tr("From 1 to 2: how strongly the reference is followed. Above 1 it takes twice as long.")
    title = tr("Guidance weight")
    return Number("GUIDANCE", "--guidance", title, _by_model(text), least=1, most=2, is_whole=False)


def seed() -> Option:
    """Seed of the noise."""
    text = tr("Start of a diffusion model's noise: one seed, one picture. Empty: 0.")
    return Number("SEED", "--seed", tr("Seed"), text)


def device() -> Option:
    """What computes."""
    text = tr("Where the model runs. auto: the graphics card if it can be used, else the processor.")
    return Choice("DEVICE", "--device", tr("Device"), text, choices=(AUTO, "cpu", "cuda"))


def consistency() -> Option:
    """How the output is held to the input."""
    text = tr(
        "Hold the output, seen with the input's pixels, to the input. mtf: through the sensor's optics. area: as means"
        " over a pixel. on: mtf where a sensor is known, else area. auto: what the model recommends."
    )
    choices = (AUTO, "on", "off", "mtf", "area")
    return Choice("CONSISTENCY", "--consistency", tr("Consistency with the input"), text, choices=choices)


def sensor() -> Option:
    """Whose optics count."""
    text = tr(
        "Name of the sensor, such as WV3, GF2 or Sentinel-2, or a description file. Empty: measured on the two images;"
        " for a single one, typical optics."
    )
    return Text("SENSOR", "--sensor", tr("Sensor"), text)


def nodata() -> Option:
    """What is no data."""
    text = tr("Value of the pixels without data, whatever the files say. Empty: as the files declare it.")
    return Number(
        "NODATA", "--nodata", tr("Value without data"), text, least=-_MOST_REAL, most=_MOST_REAL, is_whole=False
    )


def coregister() -> Option:
    """Whether a shift is corrected."""
    text = tr("Measure the shift of the coarse image against the fine one, and correct it, up to eight coarse pixels.")
    return Switch("COREGISTER", "--coregister", tr("Correct the shift between the images"), text)
