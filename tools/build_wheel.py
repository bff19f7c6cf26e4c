"""Build the wheel of a commit, weights included: ``python tools/build_wheel.py FOLDER``.

It is built in a fresh copy of what git holds: setuptools would also pack what an earlier build left in the checkout,
and ``git archive`` leaves the weights out, as the plugin's zip wants it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def build(tree: str, folder: Path) -> Path:
    """Build the wheel of a commit or tree of this checkout into a folder, without a network; returns its path.

    Raises:
        subprocess.CalledProcessError: git does not know the tree, or it is no package.
    """
    with tempfile.TemporaryDirectory() as work:
        copy = Path(work) / "seamline"
        with_own_index = {**os.environ, "GIT_INDEX_FILE": str(Path(work) / "index")}
        subprocess.run(["git", "read-tree", tree], cwd=ROOT, env=with_own_index, check=True)
        checkout = ["git", "checkout-index", "--all", f"--prefix={copy}{os.sep}"]
        subprocess.run(checkout, cwd=ROOT, env=with_own_index, check=True)
        made = Path(work) / "wheel"
        options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", f"--wheel-dir={made}"]
        subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(copy)], check=True)
        (wheel,) = made.iterdir()
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(wheel, folder))


def main() -> None:
    """Build the wheel of the commit that is checked out, and say where it is."""
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/build_wheel.py FOLDER")
    wheel = build("HEAD", Path(sys.argv[1]))
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
