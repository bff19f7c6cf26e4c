"""What all algorithms share: parameters to an argument list, the engine's process, the output.

An algorithm states its command, its models and its inputs; everything that can be wrong is said in one sentence.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from qgis.core import (
    NULL,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
)
from qgis.PyQt.QtGui import QIcon

from .. import compat, settings
from ..engine_process import PROTOCOL, EngineError, EngineProcess
from ..layers import gdal_path
from ..reporting import Reporter
from ..text import tr

_ICONS = Path(__file__).parent.parent / "icons"
_AUTO = "auto"
_NUMBERS = {"TILE": "--tile", "OVERLAP": "--overlap", "STEPS": "--steps", "SEED": "--seed"}
_CHOICES = {"DEVICE": "--device", "CONSISTENCY": "--consistency"}


class EngineAlgorithm(QgsProcessingAlgorithm):
    """One task of the engine.

    Subclasses set the class attributes, add their input parameters, and name themselves.

    Attributes:
        command: the engine's sub-command, at once the algorithm's id.
        models: names of the models on offer, the default first.
        inputs: names of the raster parameters in the order of the command line.
        finest_input: the raster whose CRS the extent is given in.
    """

    command: str
    models: tuple[str, ...]
    inputs: tuple[str, ...]
    finest_input: str

    def __init__(self) -> None:
        super().__init__()
        self._sources: list[str] = []
        self._options: list[str] = []
        self._problem = ""

    def add_inputs(self) -> None:
        """Add the raster parameters."""
        raise NotImplementedError(f"{type(self).__name__} adds no inputs")

    def model_help(self) -> str:
        """One phrase for each of the models."""
        raise NotImplementedError(f"{type(self).__name__} does not explain its models")

    def output_title(self) -> str:
        """What the output layer is called."""
        raise NotImplementedError(f"{type(self).__name__} does not name its output")

    def add_task_parameters(self) -> None:
        """Add the parameters of this task alone."""

    def task_arguments(self, parameters: dict[str, Any], context: Any) -> list[str]:
        """The options of this task alone."""
        return []

    def add(self, parameter: QgsProcessingParameterDefinition, help_text: str, *, advanced: bool = False) -> None:
        """Add a parameter with its help."""
        parameter.setHelp(help_text)
        if advanced:
            parameter.setFlags(parameter.flags() | compat.ADVANCED)
        self.addParameter(parameter)

    # What QGIS asks of every algorithm

    def name(self) -> str:
        """Stable: part of the algorithm's id."""
        return self.command

    def createInstance(self) -> EngineAlgorithm:
        """QGIS runs a fresh copy each time."""
        return type(self)()

    def icon(self) -> QIcon:
        """The task's own drawing."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        """The drawing's file."""
        return str(_ICONS / f"{self.command}.svg")

    def helpUrl(self) -> str:
        """The page about it."""
        return "https://github.com/seamline/seamline"

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare the parameters."""
        self.add_inputs()
        self.add(_choice("MODEL", tr("Model"), self.models), self.model_help())
        self.add_task_parameters()
        self.add(
            QgsProcessingParameterExtent("EXTENT", tr("Extent"), optional=True),
            tr(
                "The part to compute; the whole scene when empty. The tiles are those of the whole scene, so a part has"
                " the very pixels of the full run."
            ),
        )
        self._add_advanced()
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", self.output_title()),
            tr("A Cloud Optimized GeoTIFF (.tif). It replaces an older file only once it is complete."),
        )

    def canExecute(self) -> tuple[bool, str]:
        """Whether the engine is set up."""
        problem = settings.setup_problem()
        return not problem, problem

    def checkParameterValues(self, parameters: dict[str, Any], context: Any) -> tuple[bool, str]:
        """Refuse what the engine cannot open before anything is started."""
        try:
            self._command_options(parameters, context)
        except EngineError as error:
            return False, str(error)
        words = {name: self._chosen(parameters, name, context) for name in ("MODEL", *_CHOICES)}
        return super().checkParameterValues({**parameters, **words}, context)

    def prepareAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> bool:
        """Read the layers where QGIS allows it; a problem is raised later, where every QGIS shows its text."""
        try:
            problem = settings.setup_problem()
            if problem:
                raise EngineError(problem)
            self._sources, self._options = self._command_options(parameters, context)
        except EngineError as error:
            self._problem = str(error)
        return True

    def processAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        """Run the engine to its end."""
        if self._problem:
            raise QgsProcessingException(self._problem)
        # Only here: QGIS forgets layers to load that were named while preparing a run in the background.
        output = self.parameterAsOutputLayer(parameters, "OUTPUT", context)
        try:
            is_done = self._run(output, feedback)
        except EngineError as error:
            raise QgsProcessingException(str(error))
        if not is_done:
            feedback.pushInfo(tr("Cancelled; the output is as it was before"))
            if Path(output + ".seamline").is_dir():
                kept = tr("Finished parts are kept in {folder}, which you may delete")
                feedback.pushInfo(kept.format(folder=output + ".seamline"))
            return {}
        return {"OUTPUT": output}

    def _run(self, output: str, feedback: Any) -> bool:
        """Whether the engine came to its end; False after a cancel."""
        _check_output(output, self._sources)
        command = [settings.engine_python(), str(settings.launcher()), self.command, *self._sources, output]
        command += [*self._options, "--overwrite", *PROTOCOL]
        feedback.pushCommandInfo(" ".join(shlex.quote(word) for word in command))
        reporter = Reporter(feedback)
        done = EngineProcess(command).run(
            on_event=reporter.event, on_log=reporter.log, is_cancelled=feedback.isCanceled
        )
        if done is not None and not Path(output).is_file():
            raise EngineError(
                tr("the engine reports success but wrote no file"), where=output, cure=tr("the log above says more")
            )
        return done is not None

    # Parameters to arguments

    def _add_advanced(self) -> None:
        self.add(
            QgsProcessingParameterFile("MODEL_FOLDER", tr("Model folder"), compat.FOLDER, optional=True),
            tr("A folder with a model of your own (model.json and .safetensors); it takes the place of the model."),
            advanced=True,
        )
        for name, title, least, most, help_text in (
            ("TILE", tr("Tile (px)"), 16, 65536, tr("Side of a tile. More is faster and takes more memory.")),
            ("OVERLAP", tr("Overlap (px)"), 0, 32768, tr("Pixels shared by neighbouring tiles, at most half a tile.")),
            ("STEPS", tr("Denoising steps"), 1, 1000, tr("Steps of a diffusion model. More takes longer.")),
            ("SEED", tr("Seed"), 0, 2**31 - 1, tr("Start of a diffusion model's noise: one seed, one picture.")),
        ):
            self.add(
                QgsProcessingParameterNumber(
                    name, title, compat.INTEGER, None, optional=True, minValue=least, maxValue=most
                ),
                help_text + " " + tr("Empty: the default of the model."),
                advanced=True,
            )
        self.add(
            _choice("DEVICE", tr("Device"), (_AUTO, "cpu", "cuda")),
            tr("Where the model runs. auto: the graphics card if it can be used, else the processor."),
            advanced=True,
        )
        self.add(
            _choice("CONSISTENCY", tr("Consistency with the input"), (_AUTO, "on", "off")),
            tr("Hold the output, averaged to the input's pixels, to the input. auto: what the model recommends."),
            advanced=True,
        )

    def _command_options(self, parameters: dict[str, Any], context: Any) -> tuple[list[str], list[str]]:
        """Sources in the order of the command line, and the options.

        Raises:
            EngineError: a layer, the model or the extent cannot be used.
        """
        layers = {name: self.parameterAsRasterLayer(parameters, name, context) for name in self.inputs}
        titles = {name: self.parameterDefinition(name).description() for name in self.inputs}
        sources = [gdal_path(layers[name], titles[name]) for name in self.inputs]
        options = ["--model", self._model(parameters, context), *self.task_arguments(parameters, context)]
        options += self._extent(parameters, context, layers[self.finest_input])
        for name, option in _NUMBERS.items():
            if is_given(parameters.get(name)):
                options += [option, str(self.parameterAsInt(parameters, name, context))]
        for name, option in _CHOICES.items():
            choice = self._chosen(parameters, name, context)
            if choice != _AUTO:
                options += [option, choice]
        return sources, options

    def _model(self, parameters: dict[str, Any], context: Any) -> str:
        folder = self.parameterAsFile(parameters, "MODEL_FOLDER", context)
        return folder or self._chosen(parameters, "MODEL", context)

    def _chosen(self, parameters: dict[str, Any], name: str, context: Any) -> str:
        parameter = self.parameterDefinition(name)
        # Not parameterAsEnumString, which takes the default for a word that it does not know.
        choice = self.parameterAsString(parameters, name, context)
        # The help of qgis_process 3.22 asks for the number of an option, even where the words are the values.
        if choice.isdecimal() and int(choice) < len(parameter.options()):
            choice = parameter.options()[int(choice)]
        if choice not in parameter.options():
            raise EngineError(
                tr("'{choice}' is not on offer").format(choice=choice),
                where=parameter.description(),
                cure=tr("choose one of {names}").format(names=", ".join(parameter.options())),
            )
        return choice

    def _extent(self, parameters: dict[str, Any], context: Any, layer: Any) -> list[str]:
        if not is_given(parameters.get("EXTENT")):
            return []
        box = self.parameterAsExtent(parameters, "EXTENT", context, layer.crs())
        if box.isNull() or box.isEmpty() or not box.intersects(layer.extent()):
            raise EngineError(
                tr("the extent does not meet the layer '{name}'").format(name=layer.name()),
                where=self.parameterDefinition("EXTENT").description(),
                cure=tr("draw it on the layer, or leave it empty for the whole scene"),
            )
        return ["--extent", *(repr(v) for v in (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()))]


def _choice(name: str, title: str, options: tuple[str, ...]) -> QgsProcessingParameterEnum:
    """A choice whose value is the word itself: indices would change their meaning when the list grows."""
    return QgsProcessingParameterEnum(name, title, list(options), False, options[0], usesStaticStrings=True)


def is_given(value: Any) -> bool:
    """Whether an optional parameter has a value."""
    return value is not None and value != "" and value != NULL


def _check_output(output: str, sources: list[str]) -> None:
    """Refuse an output that the engine cannot write, or that is one of its inputs."""
    path = Path(output or ".")
    if path.suffix.lower() != ".tif":
        raise EngineError(
            tr("the output is not a .tif file"), where=output, cure=tr("give it a name that ends in .tif")
        )
    if not os.access(path.absolute().parent, os.W_OK):
        raise EngineError(
            tr("the output's folder does not exist or cannot be written"),
            where=str(path.absolute().parent),
            cure=tr("choose another folder"),
        )
    if any(os.path.realpath(source) == os.path.realpath(output) for source in sources):
        raise EngineError(tr("the output is also an input"), where=output, cure=tr("choose another file name"))
