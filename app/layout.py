"""What stands on the page, in the order in which it is used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ..engine.contract import Task
from .tasks import KINDS

_HERE = Path(__file__).parent
NO_BOX = [0.0, 0.0, 0.0, 0.0]
"""An extent before one is drawn."""
FIRST_TASK: Task = "pansharpen"
_CONSISTENCY = [
    ("as the model says", ""),
    ("on", "on"),
    ("through the sensor's MTF", "mtf"),
    ("as area means", "area"),
    ("off", "off"),
]
_EXISTING = [
    ("stop and say so", "refuse"),
    ("go on with the unfinished run", "resume"),
    ("replace it", "overwrite"),
]


@dataclass(frozen=True, slots=True, eq=False)
class SceneControls:
    """Files, the picture, and the extent: column, row, width and height in px of the finest input."""

    task: Any
    main: Any
    beside: Any
    open: Any
    facts: Any
    look: Any
    numbers: tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ModelControls:
    """The model and its options."""

    model: Any
    note: Any
    steps: Any
    seed: Any
    guidance: Any
    consistency: Any
    pan: Any
    ms: Any
    also: Any


@dataclass(frozen=True, slots=True, eq=False)
class WorkControls:
    """What starts a piece of work, stops it, tells how far it is, and shows what came of it."""

    start: Any
    cancel: Any
    status: Any
    result: Any


@dataclass(frozen=True, slots=True, eq=False)
class RunControls:
    """Where a run goes."""

    part: Any
    out: Any
    existing: Any


def scene_controls() -> SceneControls:
    """Step one and two: open a scene, drag an extent."""
    kind = KINDS[FIRST_TASK]
    gr.Markdown("## 1. Scene")
    task = gr.Radio([(each.title, name) for name, each in KINDS.items()], value=FIRST_TASK, label="Task")
    with gr.Row():
        files: dict[str, Any] = {"choices": [], "value": None, "allow_custom_value": True}
        main = gr.Dropdown(label=kind.main.title, elem_id="main", **files)
        beside = gr.Dropdown(label=kind.beside.title if kind.beside else "", elem_id="beside", **files)
    open_it = gr.Button("Open", variant="primary")
    facts = gr.HTML()
    gr.Markdown("## 2. Extent")
    gr.Markdown("Drag a part to try on the picture. Columns and rows count pixels of the finest image.")
    look = gr.HTML(
        value=NO_BOX,
        picture="",
        html_template=_text("extent.html"),
        css_template=_text("extent.css"),
        js_on_load=_text("extent.js"),
        elem_id="look",
        visible=False,
    )
    with gr.Row():
        numbers = tuple(gr.Number(label=title, precision=0) for title in ("Column", "Row", "Width", "Height"))
    return SceneControls(task, main, beside, open_it, facts, look, numbers)


def model_controls() -> ModelControls:
    """Step three: the model and its options."""
    gr.Markdown("## 3. Model")
    model = gr.Dropdown([], label="Model and its licence, or a model folder", allow_custom_value=True, elem_id="model")
    note = gr.HTML(elem_classes="note")
    with gr.Row():
        steps = gr.Number(label="Denoising steps", info="0: as the model says", value=0, precision=0)
        seed = gr.Number(label="Seed", info="of the noise that belongs to the ground", value=0, precision=0)
        guidance = gr.Number(label="Guidance", info="0: as the model says", value=0)
        consistency = gr.Dropdown(
            _CONSISTENCY, value="", label="Consistency", info="make the result equal the input, seen with its pixels"
        )
    with gr.Row():
        pan, ms = (
            gr.Slider(0, 2, 1, step=0.05, label=f"How strongly {name} steers", info="1 is as trained", visible=False)
            for name in ("PAN", "MS")
        )
    also = gr.CheckboxGroup([], label="Further outputs of the full run", info="each a file beside the first")
    return ModelControls(model, note, steps, seed, guidance, consistency, pan, ms, also)


def preview_controls() -> WorkControls:
    """Step four: the extent, before and after."""
    gr.Markdown("## 4. Preview")
    gr.Markdown("The extent, with exactly the pixels that the full run will have there.")
    start, cancel = _buttons("Preview", "preview")
    swipe = gr.ImageSlider(
        label="left: input, right: result", format="png", elem_id="swipe", visible=False, max_height=1000
    )
    return WorkControls(start, cancel, gr.HTML(), swipe)


def run_controls() -> tuple[RunControls, WorkControls]:
    """Steps five and six: the full run, its output and its report."""
    gr.Markdown("## 5. Full run")
    with gr.Row():
        part = gr.Radio([("the whole scene", "whole"), ("the extent", "extent")], value="whole", label="Run")
        out = gr.Textbox(label="Output", info="a .tif in one of the folders", elem_id="out", scale=2)
        existing = gr.Dropdown(_EXISTING, value="refuse", label="If something lies there", elem_id="existing")
    start, cancel = _buttons("Run", "run")
    status = gr.HTML(elem_id="run-status")
    gr.Markdown("## 6. Result")
    return RunControls(part, out, existing), WorkControls(start, cancel, status, gr.HTML(elem_id="result"))


def measure_controls() -> tuple[Any, WorkControls]:
    """Step seven: how good the model is on the open pair."""
    gr.Markdown("## 7. Evaluation")
    gr.Markdown(
        "Of the model and options above, on the open pair. At **reduced** resolution both images are degraded by their"
        " ratio, and the result is compared with the multispectral image as it was delivered. At **full** resolution"
        " there is no truth: the result is compared with the two images that it was made of. Rank by the reduced one"
        " first."
    )
    resolution = gr.Radio(
        [("reduced: the whole pair", "reduced"), ("full: the extent", "full")], value="reduced", label="Resolution"
    )
    start, cancel = _buttons("Evaluate", "measure")
    return resolution, WorkControls(start, cancel, gr.HTML(), gr.HTML(elem_id="metrics"))


def _buttons(title: str, kind: str) -> tuple[Any, Any]:
    with gr.Row():
        return gr.Button(title, variant="primary"), gr.Button("Cancel", interactive=False, elem_id=f"{kind}-cancel")


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
