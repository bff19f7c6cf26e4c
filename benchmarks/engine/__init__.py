"""Claims of the engine: memory, speed, and the evaluation of large rasters."""
