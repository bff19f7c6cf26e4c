"""Seamline: diffusion models on satellite and aerial scenes of any size, as georeferenced COGs.

This folder is at once the Python package ``seamline`` and the QGIS plugin folder, so nothing heavy may be imported
here: QGIS reads this file with its own Python, which has no torch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what type checkers see of what is imported on first use
    from .api import batch as batch
    from .api import classify as classify
    from .api import pansharpen as pansharpen
    from .api import segment as segment
    from .api import superres as superres
    from .notebook.door import evaluate as evaluate
    from .notebook.door import evaluate_classes as evaluate_classes
    from .notebook.door import model_info as model_info
    from .notebook.door import plan as plan
    from .notebook.door import quick_look as quick_look
    from .notebook.door import run_report as run_report

__version__ = "0.1.0"

_PUBLIC = {
    **dict.fromkeys(("pansharpen", "superres", "segment", "classify", "batch"), "api"),
    **dict.fromkeys(
        ("plan", "run_report", "model_info", "evaluate", "evaluate_classes", "quick_look"), "notebook.door"
    ),
}


def __getattr__(name):  # PEP 562: the engine is imported on first use
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module("." + _PUBLIC[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_PUBLIC])


def classFactory(iface):  # the name that QGIS looks for
    """Entry point of the QGIS plugin."""
    from .qgis_plugin.plugin import SeamlinePlugin

    return SeamlinePlugin(iface)
