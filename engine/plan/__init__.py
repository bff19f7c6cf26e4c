"""What a run will do, fixed before its first tile: the plan's types, its making, statistics, estimates."""

from ..request import Request
from .make import make_plan
from .plan import Output, Plan

__all__ = ["Output", "Plan", "Request", "make_plan"]
