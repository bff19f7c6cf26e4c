"""The page: what each control does."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL.Image import Image

from ..engine.contract import Task
from ..engine.errors import RequestError, SeamlineError
from ..models import registry
from . import texts
from .asked import Asked, fitting_model, further_outputs, models_for
from .desk import Desk, Finished, Preview
from .layout import (
    FIRST_TASK,
    WorkControls,
    measure_controls,
    model_controls,
    preview_controls,
    run_controls,
    scene_controls,
)
from .measuring import Measured, table
from .scene import Opened, Window, checked_box, checked_window
from .tasks import KINDS
from .work import State

THEME = gr.themes.Default(font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace"))
"""With the fonts of the system: gradio's own come from elsewhere."""
CSS = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
REPORT = "/report"
"""Address of the report of the last run."""

Updates = dict[Any, Any]


def page(desk: Desk) -> gr.Blocks:
    """The page of a desk; whoever opens it sees the work that goes on there."""
    blocks = gr.Blocks(title="Seamline", analytics_enabled=False)
    with blocks:
        gr.Markdown("# Seamline")
        _Page(desk).wire(blocks)
    blocks.queue(default_concurrency_limit=None)
    return blocks


class _Page:
    """The controls, and what they do."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._opened = gr.State(None)
        self._scene = scene_controls()
        self._model = model_controls()
        self._preview = preview_controls()
        self._where, self._run = run_controls()
        with gr.Column() as self._measuring:
            self._resolution, self._measure = measure_controls()
        scene, model, where = self._scene, self._model, self._where
        files = (scene.task, scene.main, scene.beside)
        self._options = [
            *(model.model, model.steps, model.seed, model.guidance, model.consistency),
            *(model.pan, model.ms, model.also),
        ]
        self._form = [*files, *self._options, *scene.numbers, where.part, where.out, where.existing]

    def wire(self, blocks: gr.Blocks) -> None:
        """Connect controls and actions."""
        scene, model = self._scene, self._model
        closed = [self._opened, scene.facts, scene.look]
        described = [*self._options, model.note]
        blocks.load(self._welcome, None, [*closed, model.note, self._measuring, *self._form])
        files = [scene.task, scene.main, scene.beside]
        scene.task.input(
            self._choose_task,
            [scene.task],
            [*closed, scene.main, scene.beside, *described, self._measuring],
        )
        scene.open.click(
            self._open,
            [*files, model.model],
            [*closed, *scene.numbers, *described, self._where.out],
        )
        scene.look.drawn(self._drawn, [self._opened, scene.look], list(scene.numbers))
        for number in scene.numbers:
            number.input(self._typed, [self._opened, *scene.numbers], [scene.look])
        model.model.input(
            self._choose_model,
            [self._opened, model.model],
            [*described, self._where.out],
        )
        inputs = [self._opened, *self._form]
        self._connect("preview", self._preview, self._start_preview, inputs)
        self._connect("run", self._run, self._start_run, inputs)
        self._connect("measure", self._measure, self._start_measuring, [*inputs, self._resolution])
        blocks.load(self._follow_run, None, self._outputs(self._run), show_progress="hidden")

    def _connect(self, kind: str, work: WorkControls, start: Callable[..., None], inputs: list[Any]) -> None:
        def started(*values: Any) -> Iterator[Updates]:
            try:
                start(*values)
            except SeamlineError as error:
                yield {work.status: texts.problem(str(error))}
                return
            yield from self._follow(kind)

        # By default a press is lost until the browser has heard that the work before it has ended.
        work.start.click(started, inputs, self._outputs(work), show_progress="hidden", trigger_mode="multiple")
        work.cancel.click(lambda: self._desk.worker.cancel(kind), None, None)

    @staticmethod
    def _outputs(work: WorkControls) -> list[Any]:
        return [work.status, work.cancel, work.result]

    def _follow(self, kind: str) -> Iterator[Updates]:
        """What the page shows of a piece of work, until it has ended."""
        work = {"preview": self._preview, "run": self._run, "measure": self._measure}[kind]
        for state in self._desk.worker.follow(kind):
            yield {
                work.status: texts.status(kind, state),
                work.cancel: gr.update(interactive=state.is_working),
                work.result: self._result(state),
            }

    def _follow_run(self) -> Iterator[Updates]:
        """The last run, which may have been started by another browser."""
        yield from self._follow("run")

    def _result(self, state: State) -> Any:
        match state.result:
            case Preview() as preview:
                before = preview.after if preview.before is None else preview.before
                width, height = preview.size
                return gr.update(
                    value=(before, preview.after),
                    visible=True,
                    label=f"{width} × {height} px of the result; left: input, right: result",
                )
            case Finished() as finished:
                return texts.finished(finished.out, f"{REPORT}?{finished.page.stat().st_mtime_ns}")
            case Measured() as measured:
                return table(measured)
        return gr.skip()

    def _welcome(self) -> Updates:
        """The files that there are, and what stood on the page when the last run began."""
        form = self._desk.form
        if form is None:
            return self._of_task(FIRST_TASK)
        values = dict(zip(self._form, form, strict=True))
        task, main, beside = form[:3]
        window = checked_window(tuple(values[number] for number in self._scene.numbers))
        model = values[self._model.model]
        updates = self._of_task(task) | self._of_model(model) | self._open(task, main, beside, model, window)
        return updates | {each: _with_value(updates.get(each), value) for each, value in values.items()}

    def _of_task(self, task: Task) -> Updates:
        """Files and models of a task."""
        kind, files = KINDS[task], self._desk.folders.listed()
        models, first = models_for(task)
        beside = kind.beside
        return {
            self._scene.main: gr.update(label=kind.main.title, choices=files),
            self._scene.beside: gr.update(
                label="" if beside is None else beside.title, choices=files, visible=beside is not None
            ),
            self._model.model: gr.update(choices=models, value=first),
            **self._of_model(first),
            self._measuring: gr.update(visible=task == "pansharpen"),
        }

    def _choose_task(self, task: Task) -> Updates:
        updates = self._of_task(task)
        empty = {each: _with_value(updates[each], None) for each in (self._scene.main, self._scene.beside)}
        return updates | empty | self._closed("")

    def _closed(self, sentence: str) -> Updates:
        """No scene is open, for a reason."""
        said = texts.problem(sentence) if sentence else ""
        return {self._opened: None, self._scene.facts: said, self._scene.look: gr.update(visible=False)}

    def _open(
        self, task: Task, main: str | None, beside: str | None, model: str | None, window: Window | None = None
    ) -> Updates:
        """Open a scene and draw it, with a window on it; the middle where none is given."""
        try:
            opened, picture = self._desk.open(task, main or "", beside or "")
            fitting = fitting_model(opened, self._desk.model(model))
        except SeamlineError as error:
            return self._closed(str(error))
        window = window or opened.middle
        return {
            self._opened: opened,
            self._scene.facts: texts.plain(opened.facts),
            self._scene.look: gr.update(value=list(opened.box(window)), picture=_address(picture), visible=True),
            **dict(zip(self._scene.numbers, window, strict=True)),
            self._model.model: fitting,
            **(self._of_model(fitting) if fitting != model else {}),
            self._where.out: self._suggested(opened, fitting),
        }

    def _suggested(self, opened: Opened | None, model: str | None) -> Any:
        return gr.skip() if opened is None or model is None else self._desk.suggested(opened, model)

    def _drawn(self, opened: Opened | None, box: Any) -> list[Any]:
        """The numbers of an extent that was dragged."""
        if opened is None:
            return [gr.skip()] * 4
        return list(opened.window(checked_box(box)))

    def _typed(self, opened: Opened | None, *numbers: float | None) -> Any:
        """The extent of numbers that were typed; as it was while they are none."""
        try:
            return gr.skip() if opened is None else gr.update(value=list(opened.box(checked_window(numbers))))
        except RequestError:
            return gr.skip()

    def _choose_model(self, opened: Opened | None, model: str | None) -> Updates:
        """Another model: what is known of it, the options that it has, and a name for its output."""
        return self._of_model(model) | {self._where.out: self._suggested(opened, model)}

    def _of_model(self, model: str | None) -> Updates:
        """What is known of a model, and the options that it has."""
        controls = self._model
        try:
            info = registry.info(self._desk.model(model))
        except SeamlineError as error:
            return {controls.note: texts.problem(str(error))}
        spec, further = info.spec, further_outputs(info.spec)
        most = f" (at most {info.most_steps})" if info.most_steps else ""
        return {
            controls.note: texts.about_model(info),
            controls.steps: gr.update(visible="steps" in spec.options, info=f"0: as the model says{most}"),
            controls.seed: gr.update(visible=spec.stochastic),
            controls.guidance: gr.update(visible="guidance" in spec.options),
            controls.consistency: gr.update(visible=KINDS[spec.task].is_image),
            **{
                slider: gr.update(visible=name in info.branches, value=info.branches.get(name, 1.0))
                for name, slider in (("pan", controls.pan), ("ms", controls.ms))
            },
            controls.also: gr.update(choices=further, value=[], visible=bool(further)),
        }

    def _asked(self, form: Sequence[Any]) -> tuple[Asked, Window]:
        """The model, its options, and the extent."""
        values = dict(zip(self._form, form, strict=True))
        model = self._model
        names = ("steps", "seed", "guidance", "consistency", "pan", "ms", "also")
        options = {each: values[getattr(model, each)] for each in names}
        window = checked_window(tuple(values[number] for number in self._scene.numbers))
        return Asked.of(self._desk.model(values[model.model]), **options), window

    def _start_preview(self, opened: Opened | None, *form: Any) -> None:
        asked, window = self._asked(form)
        self._desk.preview(_there(opened), asked, window)

    def _start_run(self, opened: Opened | None, *form: Any) -> None:
        asked, window = self._asked(form)
        part, out, existing = form[-3:]
        self._desk.run(_there(opened), asked, out, window if part == "extent" else None, existing)
        self._desk.form = form

    def _start_measuring(self, opened: Opened | None, *values: Any) -> None:
        *form, resolution = values
        asked, window = self._asked(form)
        self._desk.measure(_there(opened), asked, resolution, window)


def _there(opened: Opened | None) -> Opened:
    if opened is None:
        raise RequestError("no scene is open", fix="choose its files and press Open")
    return opened


def _with_value(update: Any, value: Any) -> Any:
    """An update of a control, with a value in place of its own."""
    return {**(update if isinstance(update, dict) else gr.update()), "value": value}


def _address(picture: Image) -> str:
    """A picture as an address that holds all of it."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
