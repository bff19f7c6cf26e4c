"""SALAD-Pan: band-wise latent diffusion for pan-sharpening (arXiv 2602.04473)."""
