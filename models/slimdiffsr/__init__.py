"""SlimDiffSR: a pruned, timestep-free diffusion UNet between the halves of a tiny autoencoder (arXiv 2605.02198)."""
