"""A tile row becomes a row band: prediction, blending, joining, finishing."""
