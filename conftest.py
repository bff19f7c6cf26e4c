"""Lets an uninstalled checkout be tested: the root folder is the package ``seamline``."""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

# As the program has it; numpy reads it when it is loaded, which is soon.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

if "seamline" not in sys.modules:
    _root = Path(__file__).resolve().parent
    _spec = spec_from_file_location("seamline", _root / "__init__.py", submodule_search_locations=[str(_root)])
    _package = module_from_spec(_spec)
    sys.modules["seamline"] = _package
    _spec.loader.exec_module(_package)
