"""Metrics, each streamed over rasters of any size."""
