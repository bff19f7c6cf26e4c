"""Request to COG: agree on a plan, choose an executor, finish."""

from .executors import Executor, InProcess, Processes
from .lifecycle import Outcome, Shard, merge, plan_run, run, run_planned
from .stages import Stage

__all__ = ["Executor", "InProcess", "Outcome", "Processes", "Shard", "Stage", "merge", "plan_run", "run", "run_planned"]
