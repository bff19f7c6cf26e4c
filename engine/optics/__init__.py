"""What an instrument sees: sensors, MTF, degradation, consistency."""
