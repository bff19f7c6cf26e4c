"""Engine doctor: whether the engine can work, and what to do where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFileDestination,
)
from qgis.PyQt.QtCore import QT_VERSION_STR
from qgis.PyQt.QtGui import QIcon

from .. import settings
from ..engine_process import EngineError
from ..examination import Finding, examine, page
from ..files import wanted_path
from ..places import Place, check_places
from ..text import tr

_ICON = Path(__file__).parent.parent / "icons" / "seamline.svg"


class Doctor(QgsProcessingAlgorithm):
    """``seamline doctor``; it also runs, and says so, when there is no engine."""

    def name(self) -> str:
        """Stable: part of the algorithm's id."""
        return "doctor"

    def displayName(self) -> str:
        """Title in the toolbox."""
        return tr("Engine doctor")

    def group(self) -> str:
        """Title of its group."""
        return tr("Engine")

    def groupId(self) -> str:
        """Stable name of its group."""
        return "engine"

    def tags(self) -> list[str]:
        """Words that find it."""
        return tr("check,diagnose,installation,versions,gpu,cuda,setup,models").split(",")

    def shortHelpString(self) -> str:
        """The text beside the parameters."""
        return tr(
            "Examines the engine: its Python and packages, the device that really computes, the models byte by byte,"
            " and a run of a few seconds. Each failure comes with what to do.\n\n"
            "The report opens in the result viewer. Copy it into a message when you ask for help.\n\n"
            "An engine is set up in Settings > Options > Seamline."
        )

    def helpUrl(self) -> str:
        """The page about it."""
        return "https://github.com/seamline/seamline"

    def icon(self) -> QIcon:
        """The plugin's drawing."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        """The drawing's file."""
        return str(_ICON)

    def createInstance(self) -> Doctor:
        """QGIS runs a fresh copy each time."""
        return Doctor()

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Declare the report and the number of failures."""
        report = QgsProcessingParameterFileDestination(
            "OUTPUT", tr("Report"), tr("HTML files") + " (*.html)", optional=True
        )
        report.setHelp(tr("A page with every finding, to read or to send."))
        self.addParameter(report)
        self.addOutput(QgsProcessingOutputNumber("PROBLEMS", tr("Number of failures")))

    def checkParameterValues(self, parameters: dict[str, Any], context: Any) -> tuple[bool, str]:
        """Refuse a report that cannot be written before anything is looked at."""
        output = wanted_path(parameters.get("OUTPUT"), context)
        try:
            check_places([Place(tr("Report"), output)] if output else [], [])
        except EngineError as error:
            return False, str(error)
        return super().checkParameterValues(parameters, context)

    def processAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        """Examine, say each finding, write the report.  Failures are its result, not its failure."""

        def say(finding: Finding) -> None:
            (feedback.pushInfo if finding.ok else feedback.pushWarning)(finding.sentence)

        output = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        python = settings.engine_python()
        problem = settings.setup_problem()
        if problem:
            found = [Finding(tr("engine"), False, problem)]
            say(found[0])
        else:
            found = examine(
                python,
                str(settings.launcher()),
                on_finding=say,
                on_log=feedback.pushConsoleInfo,
                is_cancelled=feedback.isCanceled,
            )
        if found is None:
            feedback.pushInfo(tr("Cancelled"))
            return {}
        result = {"PROBLEMS": sum(not finding.ok for finding in found)}
        if not output:
            return result
        facts = [("QGIS", Qgis.QGIS_VERSION), ("Qt", QT_VERSION_STR), (tr("Python of the engine"), python or "-")]
        try:
            Path(output).write_text(page(found, facts), encoding="utf-8")
        except OSError as error:
            raise QgsProcessingException(
                tr("the report cannot be written ({reason})").format(reason=error.strerror) + f"; {output}"
            )
        return {**result, "OUTPUT": output}
