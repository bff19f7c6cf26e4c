"""The commands ``seamline models``: list, describe, verify, install, export, convert, count; options in, lines out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import click

from .terminal import guarded

_PATH: Any = click.Path(path_type=Path)
_SCALE: Any = click.FloatRange(0.0, 2.0)


@click.group()
def models() -> None:
    """Models: which there are, what they are, and whether they are unaltered."""


@models.command("list")
@click.option("--task", type=click.Choice(["pansharpen", "superres", "segment", "classify"]))
@click.option("--json", "as_json", is_flag=True)
def models_list(task: Any, as_json: bool) -> None:
    """List the models by name."""
    with guarded(as_json, False):
        from ..api import DEFAULTS
        from ..models import registry

        rows = [(name, registry.info(name)) for name in registry.names(task)]
        if as_json:
            click.echo(
                json.dumps(
                    [
                        {
                            "name": name,
                            "task": info.spec.task,
                            "scale": info.spec.scale,
                            "patch": info.spec.patch,
                            "licence": info.licence,
                            "origin": info.origin,
                            "default": name == DEFAULTS.get(info.spec.task),
                            "outputs": [each.name for each in info.spec.outputs],
                            "options": sorted(info.spec.options),
                            "most_steps": info.most_steps,
                            "bands": {each.name: each.bands for each in info.spec.inputs},
                        }
                        for name, info in rows
                    ]
                )
            )
            return
        longest = max((len(name) for name, _ in rows), default=0)
        for name, info in rows:
            size = f"x{info.spec.scale}" if info.spec.patch == 1 else f"x1/{info.spec.patch}"
            click.echo(f"{name:<{longest}}  {info.spec.task:<10}  {size:<5}  {info.licence}")


@models.command("info")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
def models_info(name: str, as_json: bool) -> None:
    """Tell what is known of a model: inputs, tile, licence, training data, measured quality."""
    with guarded(as_json, False):
        from ..engine.serial import to_jsonable
        from ..models import registry

        facts = to_jsonable(registry.info(name))
        if as_json:
            click.echo(json.dumps(facts))
            return
        for key, value in {**facts.pop("spec"), **facts}.items():
            click.echo(f"{key:<16} {value if isinstance(value, str) else json.dumps(value)}")


@models.command("verify")
@click.argument("name", required=False)
def models_verify(name: str | None) -> None:
    """Check the hashes of a model folder, or of all that ship."""
    with guarded(False, False):
        from ..models import registry
        from ..models.folder import verify_folder

        chosen = [name] if name else [n for n in registry.names() if registry.info(n).origin != "built-in"]
        for each in chosen:
            origin = registry.info(each).origin
            if origin != "built-in":
                verify_folder(origin)
            click.echo(f"{each}: {'built in' if origin == 'built-in' else 'all files are as published'}")


@models.command("install")
@click.argument("sources", nargs=-1, required=True, type=_PATH, metavar="SOURCE...")
def models_install(sources: tuple[Path, ...]) -> None:
    """Bring models into this environment: model folders, folders of them, or the wheel of this version."""
    with guarded(False, False):
        from ..models.install import install
        from ..models.places import environment_models

        for folder in install(sources, environment_models()):
            click.echo(f"{folder.card.name}: all files are as published; now in {folder.path}")


@models.command("export")
@click.argument("name")
@click.argument("folder", type=_PATH)
@click.option(
    "--format",
    "form",
    type=click.Choice(["onnx", "stac-mlm"]),
    required=True,
    help="Its network as a graph of operators, or a STAC item with its files.",
)
def models_export(name: str, folder: Path, form: str) -> None:
    """Write a model into FOLDER for other programs."""
    with guarded(False, False):
        from ..models import registry
        from ..models.export.make import export

        for path in export(registry.folder_of(name), folder, form):
            click.echo(path)


@models.group("convert")
def models_convert() -> None:
    """Make a model folder from published checkpoints of a system."""


@models_convert.command("salad-pan")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--base", type=_PATH, metavar="DIR", help="Stable Diffusion 1.5, as safetensors.")
@click.option("--vae", required=True, type=_PATH, metavar="FILE|DIR", help="Band autoencoder.")
@click.option("--vae-config", type=_PATH, metavar="FILE", help="Its config.json, where --vae is a bare file.")
@click.option("--adapters", type=_PATH, metavar="FILE", help="Both branches, to stand beside --base.")
@click.option("--fused", type=_PATH, metavar="DIR", help="UNet and branches in one folder, in place of --adapters.")
@click.option("--text", type=_PATH, metavar="FILE|DIR", help="Embedded prompts, or CLIP's folder; --base otherwise.")
@click.option("--sensor", metavar="NAME|FILE", help="Sensor whose bands the model is told; any bands otherwise.")
@click.option(
    "--noise",
    type=click.Choice(["shared", "band"]),
    default="shared",
    show_default=True,
    help="Whether the bands start from one noise, as in training, or each from its own, as in the released code.",
)
@click.option(
    "--norm",
    type=click.Choice(["tile", "scene"]),
    default="tile",
    show_default=True,
    help="Whose moments the group norms use: the tile's, as published, or those of the whole scene.",
)
@click.option("--pan-scale", type=_SCALE, default=1.0, show_default=True, help="How strongly PAN steers, 0 to 2.")
@click.option("--ms-scale", type=_SCALE, default=1.0, show_default=True, help="How strongly MS steers, 0 to 2.")
@click.option("--steer-from", type=click.IntRange(0), default=0, show_default=True, help="First step that is steered.")
@click.option("--steer-until", type=click.IntRange(1), metavar="N", help="First step that is not any more.")
@click.option("--licence", default="not stated", show_default=True, help="Licence of the weights, for the card.")
@click.option("--training-data", default="not stated", show_default=True, help="What they were trained on.")
def convert_salad_pan(
    out: Path,
    sensor: str | None,
    pan_scale: float,
    ms_scale: float,
    steer_from: int,
    steer_until: int | None,
    **sources: Any,
) -> None:
    """Make the model folder OUT from Stable Diffusion 1.5, a band autoencoder and adapters."""
    with guarded(False, False) as (_, cancel):
        from ..engine.errors import RequestError
        from ..engine.optics.sensors import find_sensor
        from ..models.salad_pan.published.checkpoint import Sources, convert
        from ..models.salad_pan.published.conditioning import Strength

        if steer_until is not None and steer_until <= steer_from:
            raise RequestError(
                f"steering would end before step {steer_from}, where it starts",
                where="--steer-until",
                fix=f"give {steer_from + 1} or more",
            )
        known = None if sensor is None else find_sensor(sensor)
        strength = Strength(pan_scale, ms_scale, steer_from, steer_until)
        click.echo(convert(Sources(sensor=known, strength=strength, **sources), out, cancel.check).identity)


@models_convert.command("slimdiffsr")
@click.argument("checkpoint", type=_PATH)
@click.argument("out", type=_PATH)
@click.option("--scale", type=int, default=4, show_default=True, help="Scale of the weights, 4 or 8.")
@click.option(
    "--wholes",
    type=click.Choice(["tile", "scene"]),
    default="tile",
    show_default=True,
    help="Whether norms, gates and queries know the tile, as published, or the whole scene.",
)
@click.option(
    "--bits",
    type=click.IntRange(1, 16),
    default=8,
    show_default=True,
    help="Bits of the images: their largest value is white to the network.",
)
@click.option("--licence", default="not stated", show_default=True, help="Licence of the weights, for the card.")
@click.option("--training-data", default="not stated", show_default=True, help="What they were trained on.")
def convert_slimdiffsr(out: Path, checkpoint: Path, wholes: Literal["tile", "scene"], **sources: Any) -> None:
    """Make the model folder OUT from the released CHECKPOINT (net_params_4x.pkl).

    With --wholes scene, CHECKPOINT may also be a model folder, or the name of a model that ships.
    """
    with guarded(False, False) as (_, cancel):
        from ..models import registry
        from ..models.slimdiffsr.checkpoint import Sources, convert, knowing_the_scene

        named = str(checkpoint)
        if wholes == "scene" and (checkpoint.is_dir() or named in registry.names("superres")):
            click.echo(knowing_the_scene(registry.info(named).origin, out, cancel.check).identity)
            return
        click.echo(convert(Sources(checkpoint, wholes=wholes, **sources), out, cancel.check).identity)


@models_convert.command("ds-dit")
@click.argument("checkpoint", type=_PATH)
@click.argument("out", type=_PATH)
@click.option("--vae", required=True, type=_PATH, metavar="DIR", help="Autoencoder of Stable Diffusion 3.")
@click.option("--scale", type=int, default=4, show_default=True, help="Scale of the weights.")
@click.option("--licence", default="not stated", show_default=True, help="Licence of the weights, for the card.")
@click.option("--training-data", default="not stated", show_default=True, help="What they were trained on.")
def convert_ds_dit(checkpoint: Path, out: Path, vae: Path, **sources: Any) -> None:
    """Make the model folder OUT from the released CHECKPOINT, or from Stable Diffusion 3's, to train from."""
    with guarded(False, False) as (_, cancel):
        from ..models.ds_dit.published.checkpoint import Sources, convert

        click.echo(convert(Sources(checkpoint, vae, **sources), out, cancel.check).identity)


@models_convert.command("satdifuser")
@click.argument("checkpoint", type=_PATH)
@click.argument("out", type=_PATH)
@click.option("--backbone", required=True, type=_PATH, metavar="DIR", help="DiffusionSat or Stable Diffusion 2.1.")
@click.option(
    "--levels", required=True, metavar="V[,V...]", help="Stored value that stands for 1, of each band or of all."
)
@click.option("--bands", type=click.IntRange(1), default=3, show_default=True, help="Bands of the images.")
@click.option("--classes", metavar="NAME,NAME...", help="Names in the order of the training; numbers otherwise.")
@click.option(
    "--size", type=click.IntRange(1), default=512, show_default=True, help="Px of the images of the training: 64, 256."
)
@click.option("--zoom", type=click.IntRange(1), default=1, show_default=True, help="How much they were enlarged.")
@click.option("--multi-label", "many", is_flag=True, help="A patch can be of several classes.")
@click.option("--mode", type=click.Choice(["inversion", "noising"]), default="inversion", show_default=True)
@click.option("--prompt", default="a satellite image", show_default=True, help="What the backbone is told.")
@click.option("--metadata", is_flag=True, help="Tell it place, px size, cloud and date of a scene too.")
@click.option("--licence", default="not stated", show_default=True, help="Licence of the weights, for the card.")
@click.option("--training-data", default="not stated", show_default=True, help="What they were trained on.")
def convert_satdifuser(checkpoint: Path, out: Path, levels: str, classes: str | None, **sources: Any) -> None:
    """Make the model folder OUT from the released fuser and head in CHECKPOINT, without its pickled settings."""
    with guarded(False, False) as (_, cancel):
        from ..engine.errors import RequestError
        from ..models.satdifuser.convert import Sources, convert

        try:
            values = tuple(float(value) for value in levels.split(","))
        except ValueError as error:
            raise RequestError(f"{levels!r} are no numbers", where="--levels", fix="pass 4095 or 255") from error
        names = None if classes is None else tuple(name.strip() for name in classes.split(","))
        made = Sources(checkpoint, levels=values, classes=names, **sources)
        click.echo(convert(made, out, cancel.check).identity)


@models.command("count")
@click.argument("name")
def models_count(name: str) -> None:
    """Print the number of parameters of a published architecture, built without weights."""
    with guarded(False, False):
        from ..models.counts import count

        click.echo(count(name))
