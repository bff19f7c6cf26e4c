"""What runs cost on a GPU."""
