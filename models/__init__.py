"""Networks and samplers, one folder a system; the model-folder format and the registry."""
