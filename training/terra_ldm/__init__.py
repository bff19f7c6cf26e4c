"""Train the multi-band base model."""
