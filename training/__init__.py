"""Training: data from georeferenced scenes, degradations, losses, recipes, one loop."""
