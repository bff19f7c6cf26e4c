"""Request to COG: agree on a plan, choose an executor, finish."""

from .cluster import LOCAL, Cluster
from .executors import Executor, InProcess, Processes
from .lifecycle import Outcome, Shard, merge, plan_run, run, run_planned
from .stages import Stage

__all__ = [
    "LOCAL",
    "Cluster",
    "Executor",
    "InProcess",
    "Outcome",
    "Processes",
    "Shard",
    "Stage",
    "merge",
    "plan_run",
    "run",
    "run_planned",
]
