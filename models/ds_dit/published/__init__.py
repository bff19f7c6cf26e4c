"""DS-DiT as its authors built it: on the latents of Stable Diffusion 3's autoencoder."""
