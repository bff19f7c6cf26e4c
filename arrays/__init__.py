"""Arrays: how a ``DataArray`` is laid down as a raster, and how a raster becomes one like it."""
