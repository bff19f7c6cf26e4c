"""DS-DiT (arXiv 2605.17980): super-resolution with an older image of the same ground."""
