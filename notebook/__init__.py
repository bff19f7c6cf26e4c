"""What a notebook shows of plans, runs, models and scores, and a quick look at rasters."""
