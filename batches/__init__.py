"""Many scenes, one after another: job lists, their states on disk, and what goes through them."""
