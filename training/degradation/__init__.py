"""How a coarser or poorer image is made of a good one, so that a network can learn the way back."""
