"""Sets up the engine's environment for people without a terminal: what is there, a plan, its execution, a page.

Everything but ``task`` and ``page`` needs the standard library alone.
"""
