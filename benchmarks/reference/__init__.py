"""How much an older image helps super-resolution, and what happens where the ground has changed since."""
