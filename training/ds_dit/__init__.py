"""Training of super-resolution with an older reference."""
