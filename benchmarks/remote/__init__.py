"""Inputs on servers: what moves, and what the faults of servers come to."""
