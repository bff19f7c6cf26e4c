"""Measured claims, one folder a subject; each is run by one command, see ``README.md``."""
