"""The group of all commands."""

from __future__ import annotations

import click

from .. import __version__
from .adapt import adapt
from .app import app
from .batch import batch
from .demo import demo
from .doctor import doctor
from .evaluate import evaluate
from .merge import merge
from .models import models
from .report import report
from .run import classify, pansharpen, segment, superres
from .train import train


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="seamline")
def cli() -> None:
    """Diffusion models on satellite and aerial scenes of any size, as seam-free georeferenced COGs."""


for _command in (
    *(pansharpen, superres, segment, classify),
    *(batch, adapt, evaluate, report, merge, models, train, demo, doctor, app),
):
    cli.add_command(_command)
