"""How good pan-sharpening is: models against the classics."""
