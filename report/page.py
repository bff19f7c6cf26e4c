"""The report of a run as one HTML page: before and after under a swipe, seams, consistency, timings, plan.

The page needs nothing but itself: pictures are embedded, nothing is fetched, and every text is escaped.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ..engine.errors import RequestError
from ..engine.output.workspace import Workspace
from ..engine.quality.metrics import METRICS
from .views import View, views

_SUFFIX = ".report.json"
_TITLES = {
    "pansharpen": "Pan-sharpening",
    "superres": "Super-resolution",
    "segment": "Segmentation",
    "classify": "Classification",
}
_ARTEFACTS = {
    "undershoot": "Rings, dark",
    "overshoot": "Rings, bright",
    "lattice": "Lattice",
    "bias": "Change of the mean",
}
_STAGES = (
    "statistics",
    "load",
    "read",
    "prepare",
    "infer",
    "blend",
    "consistency",
    "round",
    "write",
    "overviews",
    "cog",
    "artefacts",
)


def find_report(run_or_out: Path) -> Path:
    """The report of a run.

    Args:
        run_or_out: the output of a run, its report, or the folder of an unfinished run.

    Raises:
        RequestError: the run is not finished, or nothing is known of it.
    """
    if run_or_out.name.endswith(_SUFFIX):
        report = run_or_out
    else:
        report = run_or_out.with_name(run_or_out.stem + _SUFFIX)
    if report.is_file():
        return report
    unfinished = run_or_out if run_or_out.is_dir() else Workspace.beside(run_or_out).folder
    if unfinished.is_dir():
        raise RequestError(
            "this run is not finished", where=str(unfinished), fix="finish it with --resume, or name a finished output"
        )
    raise RequestError(
        "there is no report of it", where=str(report), fix="name an output of seamline that has its report beside it"
    )


def write_page(run_or_out: Path, page: Path | None = None) -> Path:
    """Write the page of a run.

    Args:
        run_or_out: as for ``find_report``.
        page: where it goes; ``OUT.report.html`` beside the report when None.

    Returns:
        The page.

    Raises:
        RequestError: there is no report, it is damaged, or the page cannot be written.
    """
    report = find_report(run_or_out)
    facts = read_facts(report)
    # Where the output is now: it may have been named from another folder, or moved with its report.
    facts["outputs"][0] = str(report.with_name(Path(facts["outputs"][0]).name))
    target = page or report.with_name(report.name.removesuffix(_SUFFIX) + ".report.html")
    text = render(facts, views(facts))
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RequestError(
            f"the page cannot be written ({error.strerror})", where=str(target), fix="choose another place"
        ) from error
    return target


def read_facts(report: Path) -> dict[str, Any]:
    """The report of a run, as its JSON has it.

    Raises:
        RequestError: it cannot be read, or is no report of a run.
    """
    try:
        facts: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        outputs = facts["outputs"]
        if not (
            isinstance(facts["model"], str)
            and isinstance(facts["metrics"], dict)
            and isinstance(outputs, list)
            and isinstance(outputs[0], str)
        ):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise RequestError("this is no report of a run", where=str(report), fix="run the scene again") from error
    return facts


def render(facts: Mapping[str, Any], pictures: Sequence[View]) -> str:
    """The page, from the report and its pictures."""
    name = Path(facts["outputs"][0]).name
    title = _TITLES.get(str(facts.get("task")), "Run")
    body = [
        f"<header><p class=kind>{escape(title)}</p><h1>{escape(name)}</h1>",
        f"<p>{escape(_short(facts['model']))}. {escape(str(facts.get('note', '')))}</p></header>",
        *(_picture(view) for view in pictures),
        _cards(facts["metrics"]),
        _consistency(facts["metrics"], [str(band.get("name") or "") for band in facts.get("main_bands", [])]),
        _timings(facts.get("seconds", {})),
        _plan(facts),
    ]
    return _PAGE.replace("{title}", escape(name)).replace("{style}", _STYLE).replace("{body}", "\n".join(body))


def _short(model: Any) -> str:
    """Name and version of a model, without its hash."""
    name, _, version = str(model).partition("@")
    return f"{name} {version.partition('+')[0]}"


def _picture(view: View) -> str:
    after = f"<img alt='after' src='{_jpeg(view.after)}'>"
    caption = f"<figcaption>{escape(view.title)}</figcaption>"
    if view.before is None:
        return f"<figure><div class=still>{after}</div>{caption}</figure>"
    return (
        "<figure><div class=swipe>"
        f"{after}<div class=before><img alt='before' src='{_jpeg(view.before)}'></div><i></i>"
        "<b class=left>before</b><b class=right>after</b>"
        "<input type=range min=0 max=100 step=0.1 value=50 aria-label='how much of the picture shows the input'>"
        f"</div>{caption}</figure>"
    )


def _jpeg(image: Any) -> str:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=86, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _cards(metrics: Mapping[str, Any]) -> str:
    cards = []
    score, control = metrics.get("seam_score"), metrics.get("seam_control_band")
    if score is not None and control:
        inside = control[0] <= score <= control[1]
        verdict = "no seam shows" if inside or score < control[0] else "look at the tile boundaries"
        cards.append(
            ("Seam score", f"{score:.3f}", f"{verdict}: lines elsewhere score {control[0]:.2f} to {control[1]:.2f}")
        )
    ratio, band = metrics.get("overlap_variance_ratio"), metrics.get("overlap_variance_control_band")
    if ratio is not None and band:
        cards.append(("Texture in overlaps", f"{ratio:.3f}", f"elsewhere {band[0]:.2f} to {band[1]:.2f}"))
    worst = max((value for value in metrics.get("consistency") or () if value is not None), default=None)
    if worst is not None:
        sight = {"mtf": "through the sensor's MTF", "area": "as area means"}.get(str(metrics.get("consistency_sight")))
        cards.append(("Consistency", f"{100 * worst:.2f} %", f"worst band, seen as the input's pixels {sight or ''}"))
    for name, title in _ARTEFACTS.items():
        value = (metrics.get("artefacts") or {}).get(name)
        bound = METRICS[name].at_most
        if value is not None and bound is not None:
            good = value <= bound
            shown, most = (f"{v:.3f}" if name != "bias" else f"{100 * v:.2f} %" for v in (value, bound))
            cards.append((title, shown, f"{'' if good else 'look at the image: '}good images have at most {most}"))
    items = (f"<div><p>{escape(t)}</p><strong>{escape(v)}</strong><p>{escape(n)}</p></div>" for t, v, n in cards)
    return f"<section class=cards>{''.join(items)}</section>" if cards else ""


def _consistency(metrics: Mapping[str, Any], names: Sequence[str]) -> str:
    values = [value for value in metrics.get("consistency") or () if value is not None]
    if not values:
        return ""
    known = list(names) + [""] * len(values)
    rows = [(known[i] or f"band {i + 1}", value, f"{100 * value:.2f} %") for i, value in enumerate(values)]
    text = "RMS distance between the input and the output seen with the input's pixels, as a share of the band's mean."
    return _bars("Consistency, band by band", text, rows)


def _timings(seconds: Mapping[str, float]) -> str:
    least = 0.005 * seconds.get("total", 0.0)
    rows = [(s, seconds[s], f"{seconds[s]:.1f} s") for s in _STAGES if seconds.get(s, 0.0) > least]
    if not rows:
        return ""
    return _bars("Time", f"{seconds.get('total', 0.0):.1f} s in all; stages overlap.", rows)


def _bars(title: str, text: str, rows: Sequence[tuple[str, float, str]]) -> str:
    most = max(value for _, value, _ in rows) or 1.0
    lines = (
        f"<tr><th>{escape(name)}</th><td><div class=bar style='width:{100 * value / most:.1f}%'></div></td>"
        f"<td class=number>{escape(shown)}</td></tr>"
        for name, value, shown in rows
    )
    return f"<section><h2>{escape(title)}</h2><p>{escape(text)}</p><table class=bars>{''.join(lines)}</table></section>"


def _instrument(found: Mapping[str, Any] | None) -> str | None:
    """What was measured of a pair, in words."""
    if not found:
        return None
    rows, columns = found["shift"]
    return (
        f"a gain of {found['gain']:.2f} at the Nyquist frequency of the coarse input, which lies {rows:+.2f} rows and "
        f"{columns:+.2f} columns of the fine one from its georeference"
    )


def _plan(facts: Mapping[str, Any]) -> str:
    size, counts = facts.get("size") or (0, 0), facts.get("counts") or {}
    rows = {
        "Model": facts["model"],
        "Licence of the model": facts.get("licence"),
        "Seed": facts.get("seed"),
        "Instrument, as measured": _instrument(facts.get("instrument")),
        **{f"Input {name}": path for name, path in (facts.get("inputs") or {}).items()},
        "Outputs": ", ".join(map(str, facts["outputs"])),
        "Size": f"{size[0]} x {size[1]} px, {int(facts.get('output_bytes') or 0) / 2**20:.1f} MiB",
        "Tiles": f"{facts.get('tiles')} of {facts.get('tile')} px",
        "Pixels": ", ".join(f"{count} {what}" for what, count in counts.items()),
        "Peak memory": f"{int(facts.get('peak_memory_bytes') or 0) / 2**20:.0f} MiB",
        "Software": facts.get("software"),
        "Identity": facts.get("identity"),
    }
    lines = (f"<tr><th>{escape(k)}</th><td>{escape(str(v))}</td></tr>" for k, v in rows.items() if v not in (None, ""))
    return f"<section><h2>How it was made</h2><table>{''.join(lines)}</table></section>"


_STYLE = """
:root{color-scheme:light dark;--ink:#1d2730;--soft:#5d6b78;--line:#d8dee4;--paper:#fff;--mark:#2b6c8f;--wash:#f3f6f8}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebef;--soft:#9aa8b4;--line:#37424c;--paper:#161b20;--mark:#63b0d6;
--wash:#1f262d}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:960px;padding:2rem 1rem 4rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{margin:0;font-size:1.8rem;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:2.2rem 0 .2rem}
header p,section>p,figcaption{color:var(--soft);margin:.3rem 0}.kind{text-transform:uppercase;letter-spacing:.08em;
font-size:.8rem}
figure{margin:1.6rem 0}figcaption{font-size:.9rem}
.swipe,.still{position:relative;overflow:hidden;border-radius:8px;background:#000;line-height:0}
.swipe img,.still img{width:100%;display:block}
.before{position:absolute;inset:0;clip-path:inset(0 calc(100% - var(--at,50%)) 0 0)}
.swipe i{position:absolute;top:0;bottom:0;left:var(--at,50%);width:2px;margin-left:-1px;background:#fff;
box-shadow:0 0 4px #000}
.swipe b{position:absolute;top:10px;padding:.7em .6em;border-radius:4px;background:#000a;color:#fff;font-size:.8rem}
.left{left:10px}.right{right:10px}
.swipe input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:ew-resize}
.swipe input:focus-visible~i,.swipe:focus-within i{box-shadow:0 0 0 2px var(--mark)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(220px,1fr));gap:12px;margin-top:1.6rem}
.cards div{background:var(--wash);border-radius:8px;padding:12px 16px}.cards p{margin:0;color:var(--soft);
font-size:.85rem}.cards strong{font-size:1.7rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}th{text-align:left;font-weight:600;padding-right:1rem;
white-space:nowrap;vertical-align:top}
td{overflow-wrap:anywhere;width:100%}tr+tr>*{border-top:1px solid var(--line)}th,td{padding-top:.25rem;
padding-bottom:.25rem}
.bars tr+tr>*{border:0}.bar{height:12px;min-width:2px;border-radius:3px;background:var(--mark)}
.number{white-space:nowrap;width:auto;text-align:right;padding-left:1rem;font-variant-numeric:tabular-nums}
"""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-OpenPolicy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline';
 script-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head><body>
{body}
<script>document.querySelectorAll('.swipe input').forEach(function(range){range.addEventListener('input',function(){
range.parentNode.style.setProperty('--at',range.value+'%')})})</script>
</body></html>
"""
