"""Train the small SALAD-Pan model that ships."""
