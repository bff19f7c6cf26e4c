"""Training of the model that brings the 20 m bands of Sentinel-2 to 10 m."""
