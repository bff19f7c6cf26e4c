"""Faults: whole runs that are killed, starved, disturbed or damaged, then gone on with."""
