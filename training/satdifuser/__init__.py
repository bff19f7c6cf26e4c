"""Training of SatDiFuser heads, on a user's own labels or by recipe."""
