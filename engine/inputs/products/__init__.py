"""What archives deliver as products of several files: what their metadata say, through one interface."""
