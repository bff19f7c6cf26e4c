"""Damaged and hostile files: thousands of inputs, mutated from good ones, through the doors that read them."""
