"""Adapt a model to one scene."""
