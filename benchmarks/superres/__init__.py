"""How good super-resolution is, what it costs, and what else was tried."""
