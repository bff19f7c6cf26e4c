"""Start the command line from a plugin folder that is not installed: ``PYTHON launch.py ARGUMENTS``.

The folder is loaded as the package ``seamline`` whatever its name, so the plugin and the engine that it starts are
always the same version.  The alias stands at module level because worker processes import this file again.  A Python
that cannot run the engine is told so in one sentence, so this file keeps to what old Pythons read.
"""

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

OLDEST = (3, 11)


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


def _main() -> None:
    arguments = sys.argv[1:]
    if sys.version_info[:2] < OLDEST:
        _refuse(arguments)
    try:
        # Brings in what the commands need, so that a lack of it shows here.
        from seamline.cli.group import cli  # noqa: F401
    except Exception:
        from seamline.doctor import unmet, without_packages

        if not unmet():
            raise
        sys.exit(without_packages(arguments))
    from seamline.cli import main

    main()


def _refuse(arguments: "list[str]") -> None:
    what = f"this is Python {sys.version_info[0]}.{sys.version_info[1]}, the engine needs 3.11, 3.12 or 3.13"
    fix = "choose another Python, or set the engine up in QGIS: Settings > Options > Seamline"
    if "--json" in arguments:
        print(json.dumps({"event": "error", "what": what, "where": sys.executable, "fix": fix}))
    else:
        print(f"error: {sys.executable}: {what}; {fix}", file=sys.stderr)
    sys.exit(1)


_alias()

if __name__ == "__main__":
    _main()
