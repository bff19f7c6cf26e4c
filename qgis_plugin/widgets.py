"""Widgets of QGIS that say what an empty value means, in place of "Not set" and "0 bands selected".

Processing makes the widget of a parameter by the class that its metadata name; this one makes QGIS's own, and puts
other words into it.
"""

from __future__ import annotations

import contextlib
from typing import Any

from qgis.gui import QgsGui, QgsProcessingGui
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QAbstractSpinBox, QLineEdit


class Saying:
    """Called by Processing as a class; gives the wrapper that QGIS itself would make.

    Args:
        parameter: the definition.
        dialog: of Processing: for one run, for many, or of the model designer.
        text: what stands in the widget while there is no value.
    """

    def __new__(cls, parameter: Any, dialog: Any, *_place: int, text: str) -> Any:
        """The wrapper."""
        registry, kind = QgsGui.processingGuiRegistry(), type(dialog).__name__
        if kind == "ModelerParametersDialog":
            return registry.createModelerParameterWidget(dialog.model, dialog.childId, parameter, dialog.context)
        is_batch = kind == "BatchAlgorithmDialog"
        wrapper = registry.createParameterWidgetWrapper(
            parameter, QgsProcessingGui.WidgetType.Batch if is_batch else QgsProcessingGui.WidgetType.Standard
        )
        wrapper.setDialog(dialog)

        def say(*_: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the dialog was closed meanwhile
                _say(wrapper, text)

        wrapper.widgetValueHasChanged.connect(say)
        QTimer.singleShot(0, say)  # once QGIS has made the widget
        return wrapper


def _say(wrapper: Any, text: str) -> None:
    widget = wrapper.wrappedWidget()
    spin = widget if isinstance(widget, QAbstractSpinBox) else widget and widget.findChild(QAbstractSpinBox)
    if spin is not None:
        spin.setSpecialValueText(text)
        return
    line = widget and widget.findChild(QLineEdit)
    if line is not None and not wrapper.parameterValue():
        line.setText(text)
