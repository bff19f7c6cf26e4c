"""The teacher of SlimDiffSR: a one-step diffusion model that chooses its own timestep (arXiv 2605.02198)."""
