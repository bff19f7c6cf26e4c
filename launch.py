"""Start the command line from a plugin folder that is not installed: ``PYTHON launch.py ARGUMENTS``.

The folder is loaded as the package ``seamline`` whatever its name, so the plugin and the engine that it starts are
always the same version.  The alias stands at module level because worker processes import this file again.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def _alias() -> None:
    root = Path(__file__).resolve().parent
    # Python put this folder on the path; its subfolders' names would shadow other packages.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != root]
    if "seamline" in sys.modules:
        return
    spec = spec_from_file_location("seamline", root / "__init__.py", submodule_search_locations=[str(root)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{root} holds no __init__.py")
    package = module_from_spec(spec)
    sys.modules["seamline"] = package
    spec.loader.exec_module(package)


_alias()

if __name__ == "__main__":
    from seamline.cli import main

    main()
