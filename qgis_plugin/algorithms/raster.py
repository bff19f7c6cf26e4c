"""What the algorithms share that make a raster of rasters by a model: model, extent, outputs, resume, styling."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Optional

from qgis.core import (
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from .. import catalogue, compat, results
from ..engine_process import EngineError, Event
from ..files import Deviations, Unfinished, check_output, is_wanted, wanted_path
from ..layers import check_bands, check_same_crs, gdal_path
from ..reporting import Planned, Reporter
from ..styling import Look
from ..text import tr
from . import options
from .base import EngineAlgorithm
from .options import Option, chosen, is_given


class RasterAlgorithm(EngineAlgorithm):
    """``seamline COMMAND INPUT... OUT --model ...``.

    Attributes:
        inputs: the raster parameters in the order of the command line, each with the input's name in the model.
        switches: the option that carries an input, for those that have no place of their own on the command line.
        main: the raster whose bands the output has.
        finest_input: the raster in whose CRS the extent is given.
    """

    inputs: ClassVar[dict]
    switches: ClassVar[dict] = {}
    main: str
    finest_input: str

    def __init__(self) -> None:
        super().__init__()
        self._look: Optional[Look] = None
        self._sources: list[str] = []

    def input_texts(self) -> dict[str, tuple[str, str]]:
        """Title and help of each of the raster parameters."""
        raise NotImplementedError(f"{type(self).__name__} does not name its inputs")

    def model_help(self) -> str:
        """One phrase for each of the models."""
        raise NotImplementedError(f"{type(self).__name__} does not explain its models")

    def output_title(self) -> str:
        """What the output layer is called."""
        raise NotImplementedError(f"{type(self).__name__} does not name its output")

    def options(self) -> list[Option]:
        """Those of every run."""
        return [
            *(options.tile(), options.overlap(), options.steps(), options.seed(), options.device()),
            *(options.consistency(), options.sensor()),
        ]

    def add_parameters(self) -> None:
        """Inputs, model, extent; what is folded away; outputs."""
        for name, (title, help_text) in self.input_texts().items():
            self.add(QgsProcessingParameterRasterLayer(name, title), help_text)
        self.add(
            QgsProcessingParameterBand(
                "BANDS", tr("Bands"), parentLayerParameterName=self.main, optional=True, allowMultiple=True
            ),
            tr("The bands to work on, and their order in the output. Empty: all bands."),
        )
        names = [model.name for model in catalogue.offered(self.command)]
        self.add(
            QgsProcessingParameterEnum("MODEL", tr("Model"), names, False, names[0], usesStaticStrings=True),
            self.model_help(),
        )
        self.add(
            QgsProcessingParameterExtent("EXTENT", tr("Extent"), optional=True),
            tr(
                "The part to compute; the whole scene when empty. The tiles are those of the whole scene, so a part has"
                " the very pixels of the full run: try the canvas extent first."
            ),
        )
        self.add(
            QgsProcessingParameterFile("MODEL_FOLDER", tr("Model folder"), compat.FOLDER, optional=True),
            tr("A folder with a model of your own (model.json and .safetensors); it takes the place of the model."),
            advanced=True,
        )
        self.add_options()
        self.add(
            QgsProcessingParameterBoolean("KEEP", tr("Keep for resume"), False),
            tr(
                "Keep the finished parts of a run that is cancelled or fails, in a folder beside the output; the next"
                " run with the same settings and the same output goes on from there. Needs an output file that is not"
                " temporary."
            ),
            advanced=True,
        )
        self._add_outputs()

    def _add_outputs(self) -> None:
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", self.output_title()),
            tr("A Cloud Optimized GeoTIFF (.tif). It replaces an older file only once it is complete."),
        )
        self.add(
            QgsProcessingParameterRasterDestination("UNCERTAINTY", tr("Uncertainty"), None, True, False),
            tr(
                "The standard deviation of every pixel, in the units of the output, where the model can tell it. Left"
                " out unless you ask for it."
            ),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "REPORT", tr("Report"), tr("HTML files") + " (*.html)", None, True, True
            ),
            tr("A page with a before/after swipe, seam score, consistency, timings and how the output was made."),
        )

    def arguments(self, parameters: dict[str, Any], context: Any) -> list[str]:
        """Sources and what is asked of the model."""
        layers = {name: self.raster(parameters, name, context) for name in self.inputs}
        check_same_crs(list(layers.values()))
        model = self._model(parameters, context)
        bands = [int(band) for band in self.parameterAsInts(parameters, "BANDS", context)]
        self._check_model(model, layers, bands, parameters)
        sources = {name: gdal_path(layer, self.title_of(name)) for name, layer in layers.items()}
        # Here, because the layers belong to this thread.
        self._look = Look.of(layers[self.main], bands)
        output = wanted_path(parameters.get("OUTPUT"))
        if output:
            check_output(output, sources.values(), suffixes=(".tif",))
        self._sources = list(sources.values())
        words = [path for name, path in sources.items() if name not in self.switches]
        for name, switch in self.switches.items():
            words += [switch, sources[name]]
        words += ["--model", model, *(["--bands", ",".join(map(str, bands))] if bands else [])]
        return words + self._extent(parameters, context, layers[self.finest_input])

    def carry_out(
        self, arguments: list[str], parameters: dict[str, Any], context: Any, feedback: Any
    ) -> dict[str, Any]:
        """Plan, run, report, and hand the layers over."""
        # Only here: QGIS forgets layers to load that were named while preparing a run in the background.
        output = self.parameterAsOutputLayer(parameters, "OUTPUT", context)
        deviations = Deviations(output, self._optional(parameters, "UNCERTAINTY", context))
        check_output(output, self._sources, suffixes=(".tif",))
        place = 1 + len(self.inputs) - len(self.switches)
        command = [*arguments[:place], output, *arguments[place:], *deviations.words, "--overwrite"]
        unfinished = Unfinished(output, keep=self.parameterAsBool(parameters, "KEEP", context))
        done = self._run(command, unfinished, feedback)
        if done is None:
            return {}
        if not Path(output).is_file():
            raise EngineError(
                tr("the engine reports success but wrote no file"), where=output, fix=tr("the log above says more")
            )
        found = {"OUTPUT": output, **deviations.put_in_place()}
        page = self.parameterAsFileOutput(parameters, "REPORT", context)
        if page and self._has_written_report(output, page, feedback):
            found["REPORT"] = page
        results.hand_over(context, output, deviations.destination, self._look)
        return found

    def _run(self, command: list[str], unfinished: Unfinished, feedback: Any) -> Optional[Event]:
        """The run with its estimate before it; what it leaves behind is what was asked for."""
        done = None
        try:
            planned = self.engine([*command, "--dry-run"], feedback, Planned(feedback))
            if planned is not None:
                done = self.engine([*command, *unfinished.words], feedback)
        except EngineError as error:
            raise unfinished.explained(error)
        finally:
            if done is None:
                unfinished.clear(feedback)
        return done

    def _has_written_report(self, output: str, page: str, feedback: Any) -> bool:
        """Whether there is a page; the output is finished, so that the lack of one is no reason to lose it."""
        try:
            return self.engine(["report", output, page], feedback, Reporter(feedback, quiet=True)) is not None
        except EngineError as error:
            feedback.pushWarning(tr("There is no report: {reason}").format(reason=error))
            return False

    def _optional(self, parameters: dict[str, Any], name: str, context: Any) -> str:
        """An output that may be left out; empty where it is."""
        return self.parameterAsOutputLayer(parameters, name, context) if is_wanted(parameters.get(name)) else ""

    def checked(self, parameters: dict[str, Any], context: Any) -> dict[str, Any]:
        """Also the model, which the engine may have got after the dialog was opened."""
        return {**super().checked(parameters, context), "MODEL": self.parameterDefinition("MODEL").options()[0]}

    def _model(self, parameters: dict[str, Any], context: Any) -> str:
        folder = self.parameterAsFile(parameters, "MODEL_FOLDER", context)
        if folder:
            return folder
        word = str(parameters.get("MODEL", ""))
        listed = self.parameterDefinition("MODEL").options()
        if word and not word.isdecimal() and word not in listed and catalogue.find(self.command, word) is None:
            # A script may name a model that the engine has and this session has not heard of.
            catalogue.refresh()
        also = tuple(model.name for model in catalogue.offered(self.command))
        return chosen(self, parameters, "MODEL", context, also)

    def _check_model(self, model: str, layers: dict[str, Any], bands: list[int], parameters: dict[str, Any]) -> None:
        known = catalogue.find(self.command, model)
        if known is None:
            return
        for name, layer in layers.items():
            count = len(bands) if name == self.main and bands else layer.bandCount()
            check_bands(layer.name(), count, known.bands.get(self.inputs[name]), self.title_of(name), model)
        if known.uncertainty is False and is_wanted(parameters.get("UNCERTAINTY")):
            raise EngineError(
                tr("the model {model} cannot tell how uncertain its pixels are").format(model=model),
                where=self.title_of("UNCERTAINTY"),
                fix=tr("leave it out, or choose another model"),
            )

    def _extent(self, parameters: dict[str, Any], context: Any, layer: Any) -> list[str]:
        if not is_given(parameters.get("EXTENT")):
            return []
        box = self.parameterAsExtent(parameters, "EXTENT", context, layer.crs())
        if box.isNull() or box.isEmpty() or not box.intersects(layer.extent()):
            raise EngineError(
                tr("the extent does not meet the layer '{name}'").format(name=layer.name()),
                where=self.title_of("EXTENT"),
                fix=tr("draw it on the layer, or leave it empty for the whole scene"),
            )
        return ["--extent", *(repr(v) for v in (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()))]
