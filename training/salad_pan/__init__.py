"""Train SALAD-Pan as published."""
