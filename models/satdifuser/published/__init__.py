"""SatDiFuser on the published backbones: DiffusionSat and Stable Diffusion 2.1."""
