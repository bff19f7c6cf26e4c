"""What files are: description, opening by policy, products, reading, filling, coregistration."""
