"""SALAD-Pan at published size: Stable Diffusion 1.5, frozen, steered by a PAN and an MS branch (arXiv 2602.04473)."""
