"""What all algorithms share: their place in the toolbox, parameters to an argument list, the engine's process.

An algorithm states its command, its parameters and what becomes of the result; everything that can be wrong is said in
one sentence.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)
from qgis.PyQt.QtGui import QIcon

from .. import catalogue, compat, settings
from ..engine_process import PROTOCOL, EngineError, EngineProcess, Event
from ..engine_words import in_words
from ..files import exists, wanted_path, write_text
from ..layers import file_of, gdal_path
from ..places import Place, check_places
from ..reporting import Reporter
from ..text import tr
from .options import Option

# What the engine writes.
_SUFFIXES = {QgsProcessingParameterRasterDestination: ".tif", QgsProcessingParameterVectorDestination: ".gpkg"}
_PICTURES = Path(__file__).parent.parent / "icons"
_HELP = "https://github.com/seamline/seamline/blob/main/docs/how-to/qgis.md"


class EngineAlgorithm(QgsProcessingAlgorithm):
    """One task of the engine.

    Subclasses set the class attributes, name themselves, add their parameters, and say what is asked of the engine.

    Attributes:
        command: the engine's sub-command.
        identifier: the algorithm's id, where one command has several algorithms; the command otherwise.
        section: the group of the toolbox: a task (``"pansharpen"``, ``"superres"``, ...) or ``"quality"``.
    """

    command: str
    identifier: str = ""
    section: str

    def __init__(self) -> None:
        super().__init__()
        self._arguments: list[str] = []
        self._problem = ""

    # What a subclass says

    def add_parameters(self) -> None:
        """Add all parameters."""
        raise NotImplementedError(f"{type(self).__name__} adds no parameters")

    def options(self) -> list[Option]:
        """The parameters that are options of the engine."""
        return []

    def arguments(self, parameters: dict[str, Any], context: Any) -> list[str]:
        """What is asked of the engine, without the options of ``options`` and without outputs.

        Called before the run, from the thread that owns the layers; it may keep what it learns of them.

        Raises:
            EngineError: a layer or a value cannot be used.
        """
        raise NotImplementedError(f"{type(self).__name__} asks for nothing")

    def carry_out(
        self, arguments: list[str], parameters: dict[str, Any], context: Any, feedback: Any
    ) -> dict[str, Any]:
        """Run the engine; the outputs by their names, none after a cancel.

        Raises:
            EngineError: it failed.
        """
        raise NotImplementedError(f"{type(self).__name__} does nothing")

    def help_text(self) -> str:
        """The text beside the parameters: paragraphs with empty lines between them."""
        raise NotImplementedError(f"{type(self).__name__} does not explain itself")

    # What a subclass uses

    def add_page(self, title: str, text: str) -> None:
        """Add the page ``REPORT``, an optional output that is made unless it is taken away."""
        kind = tr("HTML files") + " (*.html)"
        self.add(QgsProcessingParameterFileDestination("REPORT", title, kind, None, True, True), text)

    def add_metrics(self, text: str) -> None:
        """Add the file ``METRICS``, an optional output that is made where it is asked for."""
        kind = tr("JSON files") + " (*.json)"
        self.add(QgsProcessingParameterFileDestination("METRICS", tr("Metrics as JSON"), kind, None, True, False), text)

    def written(self, texts: dict[str, str], parameters: dict[str, Any], context: Any) -> dict[str, str]:
        """Write texts, by the names of their outputs, where they are wanted; the paths of those.

        Raises:
            EngineError: one cannot be written.
        """
        paths = {name: self.parameterAsFileOutput(parameters, name, context) for name in texts}
        wanted = {name: path for name, path in paths.items() if path}
        for name, path in wanted.items():
            write_text(Path(path), texts[name])
        return wanted

    def add(self, parameter: QgsProcessingParameterDefinition, help_text: str, *, advanced: bool = False) -> None:
        """Add a parameter with its help."""
        parameter.setHelp(help_text)
        if advanced:
            parameter.setFlags(parameter.flags() | compat.ADVANCED)
        self.addParameter(parameter)

    def add_options(self) -> None:
        """Add the parameters of ``options``."""
        for option in self.options():
            self.add(option.parameter(), option.help, advanced=option.advanced)

    def check_places(self, parameters: dict[str, Any], context: Any) -> None:
        """Refuse outputs that cannot be written, or that are an input, one another, or belong to one.

        Raises:
            EngineError: which output, and why.
        """
        check_places(self.outputs(parameters, context), self._inputs(parameters, context))

    def outputs(self, parameters: dict[str, Any], context: Any) -> list[Place]:
        """Where outputs are to go; not those for which QGIS finds a place."""
        found = []
        for each in self.destinationParameterDefinitions():
            path = wanted_path(parameters.get(each.name()), context)
            if path:
                is_folder = isinstance(each, QgsProcessingParameterFolderDestination)
                found.append(Place(each.description(), path, _SUFFIXES.get(type(each), ""), is_folder))
        return found

    def _inputs(self, parameters: dict[str, Any], context: Any) -> list[Place]:
        """Files and folders that are read."""
        found = []
        for each in self.parameterDefinitions():
            name = each.name()
            if each.isDestination() or parameters.get(name) is None:
                continue
            if isinstance(each, (QgsProcessingParameterFile, QgsProcessingParameterString)):
                paths = [self.parameterAsString(parameters, name, context)]
            else:
                paths = [file_of(layer) for layer in self._layers(each, parameters, context)]
            found += [Place(each.description(), path) for path in paths if path and exists(path)]
        return found

    def _layers(self, definition: QgsProcessingParameterDefinition, parameters: dict[str, Any], context: Any) -> list:
        """The layers of a parameter, where it is one of layers."""
        name = definition.name()
        if isinstance(definition, QgsProcessingParameterMultipleLayers):
            return self.parameterAsLayerList(parameters, name, context)
        if isinstance(definition, QgsProcessingParameterRasterLayer):
            layers = [self.parameterAsRasterLayer(parameters, name, context)]
        elif isinstance(definition, QgsProcessingParameterFeatureSource):
            layers = [self.vector(parameters, name, context)]
        else:
            layers = []
        return [layer for layer in layers if layer is not None]

    def vector(self, parameters: dict[str, Any], name: str, context: Any) -> Any:
        """The vector layer of a parameter, of which the user may have wanted the selected features alone."""
        value = parameters[name]
        if isinstance(value, QgsProcessingFeatureSourceDefinition):
            value = value.source
        return self.parameterAsVectorLayer({**parameters, name: value}, name, context)

    def raster(self, parameters: dict[str, Any], name: str, context: Any) -> Any:
        """The layer of a parameter, which another process can open.

        Raises:
            EngineError: there is none, or it lives in QGIS alone.
        """
        layer = self.parameterAsRasterLayer(parameters, name, context)
        gdal_path(layer, self.title_of(name))
        return layer

    def title_of(self, name: str) -> str:
        """The title of a parameter."""
        return str(self.parameterDefinition(name).description())

    def engine(self, arguments: list[str], feedback: Any, reporter: Optional[Reporter] = None) -> Optional[Event]:
        """Run the engine to its end.

        Returns:
            Its last event; None after a cancel.

        Raises:
            EngineError: it failed.
        """
        command = [settings.engine_python(), str(settings.launcher()), *arguments, *PROTOCOL]
        if reporter is None:
            # As it would be typed; what follows a run is no business of the reader.
            feedback.pushCommandInfo(shlex.join(["seamline", *arguments]))
        reporter = reporter or Reporter(feedback, titles=self.titles())
        return EngineProcess(command).run(
            on_event=reporter.event, on_log=reporter.log, is_cancelled=feedback.isCanceled
        )

    # What QGIS asks of every algorithm

    def name(self) -> str:
        """Stable: part of the algorithm's id."""
        return self.identifier or self.command

    def group(self) -> str:
        """The group's title."""
        titles = {
            "pansharpen": tr("Pan-sharpening"),
            "superres": tr("Super-resolution"),
            "segment": tr("Segmentation"),
            "classify": tr("Classification"),
            "training": tr("Training"),
            "quality": tr("Quality"),
        }
        return titles.get(self.section, self.section)

    def groupId(self) -> str:
        """Stable."""
        return self.section

    def createInstance(self) -> EngineAlgorithm:
        """QGIS runs a fresh copy each time, and shows one in each dialog."""
        catalogue.refresh_in_background()
        return type(self)()

    def icon(self) -> QIcon:
        """The task's own drawing."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        """The drawing's file."""
        return str(_PICTURES / f"{self.name()}.svg")

    def helpUrl(self) -> str:
        """The page about it."""
        return f"{_HELP}#{self.name()}"

    def shortHelpString(self) -> str:
        """The text beside the parameters, under a picture where there is a window to show it."""
        picture = _PICTURES / f"{self.name()}.png"
        if QgsApplication.platform() == "qgis_process" or not picture.is_file():
            return self.help_text()
        return f'<img src="{picture.as_uri()}" width="240">\n{self.help_text()}'

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare the parameters."""
        self.add_parameters()

    def canExecute(self) -> tuple[bool, str]:
        """Whether the engine is set up."""
        problem = settings.setup_problem()
        return not problem, problem

    def checkParameterValues(self, parameters: dict[str, Any], context: Any) -> tuple[bool, str]:
        """Refuse what the engine cannot open before anything is started."""
        try:
            self._command_line(parameters, context)
        except EngineError as error:
            return False, str(error)
        return super().checkParameterValues(self.checked(parameters, context), context)

    def checked(self, parameters: dict[str, Any], context: Any) -> dict[str, Any]:
        """The parameters that QGIS itself is to check: choices that passed here are replaced by ones that it knows."""
        choices = [option.name for option in self.options() if hasattr(option, "choices")]
        known = {name: self.parameterDefinition(name).options()[0] for name in choices if name in parameters}
        return {**parameters, **known}

    def prepareAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> bool:
        """Read the layers where QGIS allows it; a problem is raised later, where every QGIS shows its text."""
        try:
            problem = settings.setup_problem()
            if problem:
                raise EngineError(problem)
            self._arguments = self._command_line(parameters, context)
        except EngineError as error:
            self._problem = str(error)
        return True

    def processAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        """Run the engine to its end."""
        if self._problem:
            raise QgsProcessingException(self._problem)
        try:
            return self.carry_out(self._arguments, parameters, context, feedback)
        except EngineError as error:
            raise QgsProcessingException(str(in_words(error, self.titles())))

    def _command_line(self, parameters: dict[str, Any], context: Any) -> list[str]:
        words = [self.command, *self.arguments(parameters, context)]
        self.check_places(parameters, context)
        for option in self.options():
            words += option.words(self, parameters, context)
        return words

    def titles(self) -> dict[str, str]:
        """Titles of parameters, by what the engine calls them."""
        named = {"--model": tr("Model"), "--extent": tr("Extent"), "--bands": tr("Bands")}
        named.update({"--reference": tr("Reference raster"), "--image": tr("Images"), "--labels": tr("Labels")})
        named.update({"--class-field": tr("Class field"), "--out": tr("Trained model")})
        named.update({"--ms": tr("Multispectral raster"), "--pan": tr("Panchromatic raster")})
        return {**named, **{option.flag: option.title for option in self.options()}}
