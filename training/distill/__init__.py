"""What trains SlimDiffSR's teacher and student: losses, feature adapters, critics and stages (arXiv 2605.02198)."""
