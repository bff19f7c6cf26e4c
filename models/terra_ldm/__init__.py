"""terra-ldm-tiny, the small base model: a band autoencoder and a conditioned diffusion UNet."""
