"""Bands of a scene that were delivered coarser than others, brought to the pixels of the finest."""
