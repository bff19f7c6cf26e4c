"""Lattices and numbers: grids, tiles, resampling taps, radiometry; no I/O."""
