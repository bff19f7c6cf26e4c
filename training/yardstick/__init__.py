"""Train the plain network that every learned model is measured against."""
