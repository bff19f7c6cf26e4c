"""What the algorithms share that make a raster of rasters by a model: model, extent, outputs, resume, styling."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

from .. import catalogue, compat, results
from ..about_models import about_models
from ..engine_process import EngineError, Event
from ..engine_words import in_words
from ..files import Further, Unfinished, beside, is_wanted, report_of, wanted_path
from ..layers import check_bands, check_same_crs, gdal_path
from ..places import Place
from ..reporting import Reporter
from ..results import Result, ResultLayer, ShapeLayer
from ..styling import Look
from ..text import tr
from . import options
from .base import EngineAlgorithm
from .options import Option, chosen, is_given, saying

# Outputs that the engine makes of any image, and no model names.
_OF_THE_ENGINE = ("support",)


class RasterAlgorithm(EngineAlgorithm):
    """``seamline COMMAND INPUT... OUT --model ...``.

    Attributes:
        inputs: the raster parameters in the order of the command line, each with the input's name in the model.
        guides: raster parameters that may be left empty and may lie in any CRS, likewise.
        needed: the one of the guides that may not be left empty; the models on offer take it.
        main: the raster whose bands the output has.
        finest_input: the raster in whose CRS the extent is given.
        further: the parameters of further outputs, each with the output's name in the model.
        shapes: the parameters of vector outputs, each with its option on the command line.
    """

    inputs: ClassVar[dict]
    guides: ClassVar[dict] = {}
    needed: str = ""
    main: str
    finest_input: str
    further: ClassVar[dict] = {"UNCERTAINTY": "uncertainty", "SUPPORT": "support"}
    shapes: ClassVar[dict] = {}

    def __init__(self) -> None:
        super().__init__()
        self._look: Optional[Look] = None
        self._about = ""
        self._results: list[Result] = []

    def input_texts(self) -> dict[str, tuple[str, str]]:
        """Title and help of each of the raster parameters, guides last."""
        raise NotImplementedError(f"{type(self).__name__} does not name its inputs")

    def model_help(self) -> str:
        """What each of the models is, a line each."""
        known = about_models()
        lines = [f"{model.name}: {known[model.name]}" for model in self.offered() if model.name in known]
        own = tr("'Model folder' takes one of your own.")
        return "\n".join([*lines, own])

    def shortHelpString(self) -> str:
        """Also what the models are."""
        return super().shortHelpString() + "\n\n" + tr("Models:") + "\n" + self.model_help()

    def output_title(self) -> str:
        """What the output layer is called."""
        raise NotImplementedError(f"{type(self).__name__} does not name its output")

    def further_texts(self) -> dict[str, tuple[str, str]]:
        """Title and help of each of the further outputs."""
        text = tr(
            "The standard deviation of every pixel, in the units of the output, where the model can tell it."
            " Left out unless you ask for it."
        )
        return {
            "UNCERTAINTY": (tr("Uncertainty"), f"{text} {self.tellers('uncertainty')}".strip()),
            "SUPPORT": (
                tr("Support"),
                tr(
                    "What the model added to every pixel beyond what the input determines: its share in the local"
                    " detail, from 0 to 1, then how much of each band, in the units of the output. Any model can tell"
                    " it. Left out unless you ask for it."
                ),
            ),
        }

    def tellers(self, output: str) -> str:
        """A sentence on which of the models can write a further output; empty while that is not known."""
        names = [model.name for model in self.offered() if output in model.outputs[1:]]
        is_known = any(model.outputs for model in self.offered())
        if not is_known:
            return ""
        return tr("Models that can: {names}.").format(names=", ".join(names) or tr("none of those on offer"))

    def shapes_texts(self) -> dict[str, tuple[str, str]]:
        """Title and help of each of the vector outputs."""
        return {}

    def offered(self) -> tuple[catalogue.Model, ...]:
        """The models to choose from, the default first."""
        return catalogue.offered(self.command, self.guides.get(self.needed, ""))

    def titles(self) -> dict[str, str]:
        """Also those of inputs, guides and further outputs."""
        flags = {flag: self.title_of(name) for name, flag in self.shapes.items()}
        named = {**self.inputs, **self.guides, **self.further}
        return {**super().titles(), **flags, **{own: self.title_of(name) for name, own in named.items()}}

    def options(self) -> list[Option]:
        """Those of every run."""
        tiles = [options.tile(), options.overlap()]
        return [*tiles, options.steps(self.offered()), options.seed(), options.device(), options.nodata()]

    def add_parameters(self) -> None:
        """Inputs, model, extent; what is folded away; outputs."""
        for name, (title, help_text) in self.input_texts().items():
            may_be_empty = name in self.guides and name != self.needed
            self.add(QgsProcessingParameterRasterLayer(name, title, None, may_be_empty), help_text)
        bands = QgsProcessingParameterBand(
            "BANDS", tr("Bands"), parentLayerParameterName=self.main, optional=True, allowMultiple=True
        )
        self.add(
            saying(bands, tr("all bands")),
            tr("The bands to work on, and their order in the output. Empty: all bands."),
        )
        self._add_model()
        self.add(
            QgsProcessingParameterExtent("EXTENT", tr("Extent"), optional=True),
            tr(
                "The part to compute; the whole scene when empty. The tiles are those of the whole scene, so a part has"
                " the very pixels of the full run: try the canvas extent first."
            ),
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

    def _add_model(self) -> None:
        names = [model.name for model in self.offered()]
        has_default = catalogue.has_default(self.command)
        self.add(
            QgsProcessingParameterEnum(
                "MODEL", tr("Model"), names, False, next(iter(names), None), not has_default, usesStaticStrings=True
            ),
            self.model_help(),
        )
        self.add(
            QgsProcessingParameterFile("MODEL_FOLDER", tr("Model folder"), compat.FOLDER, optional=True),
            tr("A folder with a model of your own (model.json and .safetensors); it takes the place of the model."),
            advanced=has_default,
        )

    def _add_outputs(self) -> None:
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", self.output_title()),
            tr("A Cloud Optimized GeoTIFF (.tif). It replaces an older file only once it is complete."),
        )
        for name, (title, help_text) in self.further_texts().items():
            self.add(QgsProcessingParameterRasterDestination(name, title, None, True, False), help_text)
        for name, (title, help_text) in self.shapes_texts().items():
            parameter = QgsProcessingParameterVectorDestination(name, title, compat.POLYGONS, None, True, False)
            self.add(parameter, help_text)
        self.add(
            QgsProcessingParameterString("ALSO", tr("Other outputs"), None, optional=True),
            tr(
                "Names of further outputs of the model, with commas, for a model that has more than there are fields"
                " here. Each becomes a raster beside the output, named after it."
            ),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "REPORT", tr("Report"), tr("HTML files") + " (*.html)", None, True, True
            ),
            tr("A page with a before/after swipe, seam score, consistency, timings and how the output was made."),
        )

    def arguments(self, parameters: dict[str, Any], context: Any) -> list[str]:
        """Sources and what is asked of the model."""
        needed = {name: self.raster(parameters, name, context) for name in self.inputs}
        check_same_crs(list(needed.values()))
        given = [name for name in self.guides if name == self.needed or is_given(parameters.get(name))]
        layers = {**needed, **{name: self.raster(parameters, name, context) for name in given}}
        model = self._model(parameters, context)
        bands = [int(band) for band in self.parameterAsInts(parameters, "BANDS", context)]
        self._check_model(model, layers, bands, parameters)
        sources = {name: gdal_path(layer, self.title_of(name)) for name, layer in layers.items()}
        # Here, because the layers belong to this thread.
        self._look = Look.of(layers[self.main], bands)
        self._about = f"{layers[self.main].name()}, {Path(model).name}"
        words = [sources[name] for name in self.inputs]
        for name in given:
            words += ["--guide", f"{self.guides[name]}={sources[name]}"]
        words += ["--model", model, *(["--bands", ",".join(map(str, bands))] if bands else [])]
        return words + self._extent(parameters, context, layers[self.finest_input])

    def outputs(self, parameters: dict[str, Any], context: Any) -> list[Place]:
        """Also those without a parameter of their own."""
        found, output = super().outputs(parameters, context), wanted_path(parameters.get("OUTPUT"), context)
        others = self._unnamed(self._others(parameters) if output else [], output, parameters)
        return found + [Place(self.title_of("ALSO"), path, ".tif") for path in others.values()]

    def carry_out(
        self, arguments: list[str], parameters: dict[str, Any], context: Any, feedback: Any
    ) -> dict[str, Any]:
        """Run, report, and hand the layers over."""
        # Only here: QGIS forgets layers to load that were named while preparing a run in the background.
        output = self.parameterAsOutputLayer(parameters, "OUTPUT", context)
        found = self._optional(self.further, parameters, context)
        shapes = self._optional(self.shapes, parameters, context)
        others = self._unnamed(self._others(parameters), output, parameters)
        further = Further(output, {**{self.further[name]: path for name, path in found.items()}, **others})
        words = [word for name, path in shapes.items() for word in (self.shapes[name], path)]
        place = 1 + len(self.inputs)
        command = [*arguments[:place], output, *arguments[place:], *further.words, *words, "--overwrite"]
        unfinished = Unfinished(output, keep=self.parameterAsBool(parameters, "KEEP", context))
        if self._run(command, unfinished, feedback) is None:
            return {}
        if not Path(output).is_file():
            raise EngineError(
                tr("the engine reports success but wrote no file"), where=output, fix=tr("the log above says more")
            )
        further.put_in_place()
        self._results = self._made(output, found, others, shapes)
        page = self.parameterAsFileOutput(parameters, "REPORT", context)
        if page and self._has_written_report(output, page, feedback):
            found["REPORT"] = page
        results.hand_over(context, self._results)
        return {"OUTPUT": output, **found, **shapes}

    def _made(self, output: str, found: dict[str, str], others: dict[str, str], shapes: dict[str, str]) -> list[Result]:
        """What the run has made, the first output first."""
        report = report_of(output)
        rasters = [("OUTPUT", "", output), *((name, self.further[name], path) for name, path in found.items())]
        made = [self._result(name, path, ResultLayer(own, self._look, report)) for name, own, path in rasters]
        for own, path in others.items():
            name = f"{self.output_title()}: {own} ({self._about})"
            made.append(Result(path, "", name, ResultLayer(own, self._look, report)))
        return made + [self._result(name, path, ShapeLayer(output)) for name, path in shapes.items()]

    def _result(self, name: str, path: str, finisher: Any) -> Result:
        title = self.title_of(name)
        return Result(path, title, f"{title} ({self._about})", finisher)

    def postProcessAlgorithm(self, context: Any, feedback: Any) -> dict[str, Any]:
        """Where layers show older files in the places of the outputs, show the new ones."""
        results.show_anew(self._results, context, feedback)
        return {}

    def _run(self, command: list[str], unfinished: Unfinished, feedback: Any) -> Optional[Event]:
        """The run; what it leaves behind is what was asked for."""
        done = None
        try:
            feedback.setProgressText(tr("Reading the inputs, and looking what the run will need"))
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
            reason = in_words(error, self.titles())
            feedback.pushWarning(tr("There is no report: {reason}").format(reason=reason))
            return False

    def _optional(self, names: Iterable[str], parameters: dict[str, Any], context: Any) -> dict[str, str]:
        """The outputs among those that may be left out which are wanted, by their parameters."""
        wanted = [name for name in names if is_wanted(parameters.get(name))]
        return {name: self.parameterAsOutputLayer(parameters, name, context) for name in wanted}

    def _unnamed(self, names: list[str], output: str, parameters: dict[str, Any]) -> dict[str, str]:
        """Files of outputs without a parameter of their own, by their names in the model."""
        named = [own for name, own in self.further.items() if is_wanted(parameters.get(name))]
        return {name: beside(output, name) for name in names if name not in named}

    def _others(self, parameters: dict[str, Any]) -> list[str]:
        """Names of the outputs that are wanted and have no parameter of their own.

        Raises:
            EngineError: one is no name.
        """
        text = parameters.get("ALSO")
        names = [name.strip() for name in str(text).split(",")] if is_given(text) else []
        for name in names:
            # It becomes a part of a file name.
            if not re.fullmatch("[a-z][a-z0-9_]*", name):
                raise EngineError(
                    tr("'{name}' is not the name of an output").format(name=name),
                    where=self.title_of("ALSO"),
                    fix=tr("give names such as probabilities, with commas between them"),
                )
        return names

    def checked(self, parameters: dict[str, Any], context: Any) -> dict[str, Any]:
        """Also the model, which the engine may have got after the dialog was opened."""
        listed = self.parameterDefinition("MODEL").options()
        known = {**super().checked(parameters, context), "MODEL": next(iter(listed), None)}
        return {name: value for name, value in known.items() if name != "MODEL" or listed}

    def _model(self, parameters: dict[str, Any], context: Any) -> str:
        folder = self.parameterAsFile(parameters, "MODEL_FOLDER", context)
        if folder:
            return folder
        listed = self.parameterDefinition("MODEL").options()
        word = str(parameters["MODEL"]) if is_given(parameters.get("MODEL")) else ""
        if not word and not listed:
            raise EngineError(
                tr("no model is chosen"),
                where=self.title_of("MODEL"),
                fix=tr("choose one, or give its folder under '{name}'").format(name=self.title_of("MODEL_FOLDER")),
            )
        if word and not word.isdecimal() and word not in listed and catalogue.find(self.command, word) is None:
            # A script may name a model that the engine has and this session has not heard of.
            catalogue.refresh()
        also = tuple(model.name for model in self.offered())
        return chosen(self, parameters, "MODEL", context, also)

    def _check_model(self, model: str, layers: dict[str, Any], bands: list[int], parameters: dict[str, Any]) -> None:
        others = self._others(parameters)
        known = catalogue.find(self.command, model)
        if known is None:
            return
        names = {**self.inputs, **self.guides}
        for name, layer in layers.items():
            if known.bands and names[name] not in known.bands:
                raise EngineError(
                    tr("the model {model} takes no such raster").format(model=model),
                    where=self.title_of(name),
                    fix=tr("leave it out, or choose another model"),
                )
            count = len(bands) if name == self.main and bands else layer.bandCount()
            check_bands(layer.name(), count, known.bands.get(names[name]), self.title_of(name), model)
        steps = parameters.get("STEPS")
        if is_given(steps) and known.most_steps and int(steps) > known.most_steps:
            raise EngineError(
                tr("the model {model} takes 1 to {most} steps, not {steps}").format(
                    model=model, most=known.most_steps, steps=int(steps)
                ),
                where=self.title_of("STEPS"),
                fix=tr("give fewer, or choose another model"),
            )
        wanted = {self.further[name]: name for name in self.further if is_wanted(parameters.get(name))}
        for output, name in {**dict.fromkeys(others, "ALSO"), **wanted}.items():
            if known.outputs and output not in (*known.outputs[1:], *_OF_THE_ENGINE):
                raise EngineError(
                    tr("the model {model} cannot tell how uncertain its pixels are").format(model=model)
                    if output == "uncertainty"
                    else tr("the model {model} has no further output '{name}'").format(model=model, name=output),
                    where=self.title_of(name),
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
