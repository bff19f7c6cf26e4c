"""A plain pan-sharpening network, to compare the others with; no weights of it ship."""
