"""Measured claims, one folder a subject; each is run by one command, see ``README.md``."""

import os

# As the program has it; numpy reads it when it is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
