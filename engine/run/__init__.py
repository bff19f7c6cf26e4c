"""Request to COG: agree on a plan, choose an executor, finish."""

from .lifecycle import Outcome, Share, merge, plan_run, run, run_planned

__all__ = ["Outcome", "Share", "merge", "plan_run", "run", "run_planned"]
