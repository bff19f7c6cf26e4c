"""A model for classes of the user's own, from what was drawn on an image: a folder to choose in *Segment*."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingUtils,
)

from .. import compat
from ..engine_process import EngineError
from ..files import check_new_folder
from ..layers import gdal_path
from ..metrics_page import metrics_page
from ..text import tr
from . import options
from .labels import LabelAlgorithm, quality_numbers, rest
from .options import AUTO, Choice, Folder, Number, Option, chosen


class TrainOnLabels(LabelAlgorithm):
    """``seamline train --task TASK --image IMAGE --labels LABELS --class-field FIELD --out FOLDER``."""

    command = "train"
    section = "training"

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Train on my labels")

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("train,labels,polygons,classes,segmentation,classification,model,land cover,diffusion").split(",")

    def help_text(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Makes a model for classes of your own. Draw some polygons or points of each class on an image, with a"
            " field that tells the class; a few tens are enough to begin with. The generative model that comes with"
            " Seamline looks at the image, and a small network learns to tell your classes from what it sees.\n\n"
            "Choose the folder as 'Model folder' in Segment or in Classify patches, for this image or for others of the"
            " same sensor and season.\n\n"
            "A part of the labelled ground is held out and never trained on: the quality that is shown was measured"
            " there. It is rough where there are few labels."
        )

    def options(self) -> list[Option]:
        """What is learnt, for how long, and of what."""
        task = tr("segment: the class of every pixel. classify: the class of every patch of the image.")
        minutes = tr("Most minutes of training; it ends earlier where nothing is gained any more. Empty: 10.")
        patch = tr("Side of a patch in pixels of the image, for classify alone. Empty: 64, or what the backbone needs.")
        fuser = tr(
            "How what the generative model sees is put together. global: one weight for each of its layers. local:"
            " weights of each place. experts: networks of which each place chooses two. auto: global."
        )
        backbone = tr("Name or folder of the generative model that looks at the image. Empty: the one that ships.")
        bands = tr("Numbers of the bands that are looked at, with commas. Empty: all.")
        share = tr(
            "Share of the labelled ground that is held out to measure quality. Empty: 0.2. At 0 nothing is measured."
        )
        ignore = tr("Number of a class that means that nothing is known, such as 0 in a raster without a nodata value.")
        seed = tr("Start of what chance decides: the ground that is held out and the first weights. Empty: 0.")
        return [
            Choice("TASK", "--task", tr("Task"), task, advanced=False, choices=("segment", "classify")),
            rest(),
            Number("MINUTES", "--minutes", tr("Minutes"), minutes, advanced=False, least=1, most=10_000),
            Number("PATCH", "--patch", tr("Patch (px)"), patch, least=2, most=4096),
            Choice("FUSER", "--fuser", tr("Fuser"), fuser, choices=(AUTO, "global", "local", "experts")),
            Folder("BACKBONE", "--backbone", tr("Backbone"), backbone),
            options.Text("BANDS", "--bands", tr("Bands"), bands),
            Number("HOLD_OUT", "--hold-out", tr("Held out"), share, is_whole=False, most=0.9),
            Number("IGNORE", "--ignore", tr("Value to ignore"), ignore, most=2**31 - 1),
            Number("SEED", "--seed", tr("Seed"), seed),
            options.device(),
        ]

    def add_parameters(self) -> None:
        """Images, labels, options; a folder and a page."""
        self.add(
            QgsProcessingParameterMultipleLayers("IMAGES", tr("Images"), compat.RASTERS),
            tr("The image that the labels were drawn on, or several with the same bands."),
        )
        self.add_labels()
        self.add_options()
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT", tr("Trained model")),
            tr("A new or empty folder for the model: its card and its weights."),
        )
        self.add_page(
            tr("Quality"),
            tr("A page with the quality of each class on ground that was held out, and what was taken for what."),
        )
        self.add_numbers()

    def arguments(self, parameters: dict[str, Any], context: Any) -> list[str]:
        """Images and labels."""
        words = []
        for layer in self._images(parameters, context):
            words += ["--image", gdal_path(layer, self.title_of("IMAGES"))]
        return words + self.labels(parameters, context)

    def ground(self, parameters: dict[str, Any], context: Any) -> Any:
        """The CRS of the first image."""
        return self._images(parameters, context)[0].crs()

    def _images(self, parameters: dict[str, Any], context: Any) -> list[Any]:
        layers, given = self.parameterAsLayerList(parameters, "IMAGES", context), parameters.get("IMAGES")
        # QGIS passes over those that it cannot read.
        if not layers or (isinstance(given, list) and len(layers) < len(given)):
            raise EngineError(
                tr("QGIS cannot read a raster here"),
                where=self.title_of("IMAGES"),
                fix=tr("choose a raster layer or file that exists"),
            )
        return list(layers)

    def carry_out(
        self, arguments: list[str], parameters: dict[str, Any], context: Any, feedback: Any
    ) -> dict[str, Any]:
        """Train, then tell how good the model is."""
        folder = Path(self.parameterAsFileOutput(parameters, "OUTPUT", context))
        check_new_folder(folder)
        if folder.is_dir():
            folder.rmdir()  # empty: the engine makes the folder in one piece
        # For this session of QGIS: whoever draws some more and trains again does not wait for the same places again.
        cache = Path(QgsProcessingUtils.tempFolder()) / "seamline-features"
        done = self.engine([*arguments, "--cache", str(cache), "--out", str(folder)], feedback)
        if done is None:
            feedback.pushInfo(tr("Cancelled; nothing was written"))
            return {}
        text = tr("To use the model, choose {folder} as 'Model folder' in '{algorithm}'")
        task = chosen(self, parameters, "TASK", context)
        door = tr("Segment") if task == "segment" else tr("Classify patches")
        feedback.pushInfo(text.format(folder=folder, algorithm=door))
        metrics = done.get("metrics") or {}
        found = quality_numbers(metrics)
        # Not by its name: one of an older model may lie there.
        confusion = next((Path(path) for path in done.get("outputs") or () if path.endswith(".png")), None)
        if confusion is not None:
            feedback.pushInfo(tr("What was taken for what: {path}").format(path=confusion))
        title, facts = tr("Quality of the model"), {tr("Model"): str(folder)}
        page = metrics_page(metrics, {}, facts, title=title, picture=confusion)
        return {"OUTPUT": str(folder), **found, **self.written({"REPORT": page}, parameters, context)}
