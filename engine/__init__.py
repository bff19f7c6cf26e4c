"""The engine: rasters in, rasters out."""
