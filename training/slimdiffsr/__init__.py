"""Train SlimDiffSR students."""
