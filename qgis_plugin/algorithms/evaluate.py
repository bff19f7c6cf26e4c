"""Quality of a fused image: a table of metrics to read, a file of them to keep, and numbers for the modeler."""

from __future__ import annotations

import json
from typing import Any

from qgis.core import (
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterLayer,
)

from .. import catalogue, compat
from ..engine_process import EngineError
from ..layers import check_same_crs
from ..metrics_page import metrics_page
from ..text import tr
from . import options
from .base import EngineAlgorithm
from .options import Choice, Number, Option, chosen, is_given

_RASTERS = {"REFERENCE": "--reference", "PAN": "--pan", "MS": "--ms"}
# Output names of Processing are upper case; saved models hold them.
_INDICES = "Q2n SAM ERGAS SCC PSNR SSIM D_lambda D_s HQNR QNR consistency_area consistency_mtf"
_ARTEFACTS = "bias undershoot overshoot PAN_detail lattice"
_NUMBERS = {name.upper(): name for name in f"{_INDICES} {_ARTEFACTS}".split()}


class EvaluateFusedImage(EngineAlgorithm):
    """``seamline evaluate FUSED --reference REF --pan PAN --ms MS``, or ``--protocol rr``."""

    command = "evaluate"
    section = "quality"

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Evaluate fused image")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("quality,metrics,q4,q8,q2n,sam,ergas,hqnr,qnr,psnr,ssim,wald,pansharpen").split(",")

    def help_text(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Measures how good a fused image is: against a reference image where there is one (Q2n, SAM, ERGAS, SCC,"
            " PSNR, SSIM), or against the panchromatic and the multispectral image that it was made of (D_lambda, D_s,"
            " HQNR, consistency).\n\n"
            "With Wald's protocol it measures a model instead: both images are degraded by their ratio, the model fuses"
            " them, and the result is compared with the multispectral image as it was delivered.\n\n"
            "Rank by a reference first. Indices without one favour smooth results; differences of a hundredth mean"
            " nothing."
        )

    def options(self) -> list[Option]:
        """Those of the metrics, then those of the run that the protocol starts."""
        ratio = tr("Panchromatic pixels along one multispectral pixel, for ERGAS. Empty: from the two images.")
        bits = tr("Bit depth of the data, such as 11, for PSNR and SSIM. Empty: that of the data type.")
        rim = tr("Pixels that are left out on every side when comparing with a reference. Empty: none.")
        phase = tr("Where multispectral pixels lie. area: at their true centres. dlpan: as in the DLPan toolbox.")
        return [
            options.sensor(),
            Number("RATIO", "--ratio", tr("Ratio"), ratio, least=1, most=64, is_whole=False),
            Number("BITS", "--bits", tr("Bit depth"), bits, least=1, most=32),
            Number("RIM", "--rim", tr("Rim (px)"), rim, most=4096),
            Choice("PHASE", "--phase", tr("Place of the pixels"), phase, choices=("area", "dlpan")),
            *(options.steps(catalogue.offered("pansharpen")), options.seed(), options.device()),
        ]

    def add_parameters(self) -> None:
        """Images, the protocol, options; a table, a file and numbers."""
        for name, title, text in (
            ("FUSED", tr("Fused raster"), tr("The image to measure. Leave it empty with Wald's protocol.")),
            ("REFERENCE", tr("Reference raster"), tr("What the fused image should equal, where that is known.")),
            ("PAN", tr("Panchromatic raster"), tr("The panchromatic image that the fused image was made of.")),
            ("MS", tr("Multispectral raster"), tr("The multispectral image that the fused image was made of.")),
        ):
            self.add(QgsProcessingParameterRasterLayer(name, title, None, True), text)
        self.add(
            QgsProcessingParameterBoolean("PROTOCOL", tr("Wald's protocol: measure a model"), False),
            tr("Degrade both images, run the model on them, and compare with the multispectral image."),
        )
        names = [model.name for model in catalogue.offered("pansharpen")]
        # Folded away: without the protocol there is no model.
        self.add(
            QgsProcessingParameterEnum("MODEL", tr("Model"), names, False, names[0], usesStaticStrings=True),
            tr("The model that Wald's protocol measures; it does nothing otherwise."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFile("MODEL_FOLDER", tr("Model folder"), compat.FOLDER, optional=True),
            tr("A folder with a model of your own (model.json and .safetensors); it takes the place of the model."),
            advanced=True,
        )
        self.add_options()
        self.add_page(
            tr("Table"),
            tr("A page with every metric, its best value, and what it compares with."),
        )
        self.add_metrics(tr("The same for programs: a value is null where it is infinite."))
        for name, metric in _NUMBERS.items():
            self.addOutput(QgsProcessingOutputNumber(name, metric))

    def arguments(self, parameters: dict[str, Any], context: Any) -> list[str]:
        """What is compared with what."""
        given = [name for name in ("FUSED", *_RASTERS) if is_given(parameters.get(name))]
        layers = {name: self.raster(parameters, name, context) for name in given}
        by_protocol = self.parameterAsBool(parameters, "PROTOCOL", context)
        self._check_given(layers, by_protocol)
        check_same_crs(list(layers.values()))
        words = [layers["FUSED"].source()] if "FUSED" in layers else []
        for name, flag in _RASTERS.items():
            words += [flag, layers[name].source()] if name in layers else []
        if by_protocol:
            also = tuple(model.name for model in catalogue.offered("pansharpen"))
            folder = self.parameterAsFile(parameters, "MODEL_FOLDER", context)
            model = folder or chosen(self, parameters, "MODEL", context, also)
            words += ["--protocol", "rr", "--model", model]
        return words

    def _check_given(self, layers: dict[str, Any], by_protocol: bool) -> None:
        pair = {"PAN", "MS"}
        if by_protocol:
            if set(layers) != pair:
                raise EngineError(
                    tr("Wald's protocol needs the panchromatic and the multispectral raster, and no other"),
                    where=self.displayName(),
                    fix=tr("give these two and leave the fused raster and the reference empty"),
                )
        elif "FUSED" not in layers:
            raise EngineError(
                tr("there is no image to measure"),
                where=self.title_of("FUSED"),
                fix=tr("choose one, or tick Wald's protocol to measure a model"),
            )
        elif "REFERENCE" not in layers and not pair <= set(layers):
            raise EngineError(
                tr("there is nothing to compare the image with"),
                where=self.title_of("FUSED"),
                fix=tr("give a reference, or both the panchromatic and the multispectral raster"),
            )

    def checked(self, parameters: dict[str, Any], context: Any) -> dict[str, Any]:
        """Also the model, which the engine may have got after the dialog was opened."""
        return {**super().checked(parameters, context), "MODEL": self.parameterDefinition("MODEL").options()[0]}

    def carry_out(
        self, arguments: list[str], parameters: dict[str, Any], context: Any, feedback: Any
    ) -> dict[str, Any]:
        """Measure, then write the table and the file."""
        done = self.engine(arguments, feedback)
        if done is None:
            feedback.pushInfo(tr("Cancelled; nothing was written"))
            return {}
        metrics, about = done.get("metrics") or {}, done.get("about") or {}
        found: dict[str, Any] = {name: metrics[key] for name, key in _NUMBERS.items() if metrics.get(key) is not None}
        compared = {
            self.title_of(name): self.parameterAsRasterLayer(parameters, name, context).source()
            for name in ("FUSED", *_RASTERS)
            if is_given(parameters.get(name))
        }
        if "--model" in arguments:
            compared[self.title_of("MODEL")] = arguments[arguments.index("--model") + 1]
        texts = {
            "REPORT": metrics_page(metrics, about, compared),
            "METRICS": json.dumps({"metrics": metrics, "about": about, "compared": compared}, indent=1),
        }
        return {**found, **self.written(texts, parameters, context)}
