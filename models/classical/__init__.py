"""Classical methods as models: baselines, and the base that learned residuals stand on."""
