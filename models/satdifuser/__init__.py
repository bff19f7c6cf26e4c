"""SatDiFuser (arXiv 2503.07890): features of a frozen diffusion model, fused and read by a small head."""
