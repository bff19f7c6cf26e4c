"""How the published SALAD-Pan architecture takes to tiles."""
