"""The recipe for a job array runs as it stands on the page, with a stand-in for the scheduler."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import seamline
from seamline.engine.testing import assert_same_pixels

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "shards.md"
# Runs jobs at once, one task after the other: an array's with the variables that the scheduler sets.
SBATCH = """#!/bin/bash
set -e
echo "$*" >> calls
case "$1" in
--parsable)
  range=$(sed -n 's/^#SBATCH --array=//p' "$2")
  for i in $(seq "${range%-*}" "${range#*-}"); do
    SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_COUNT=${range#*-} bash "$2" >&2
  done
  echo 4711 ;;
--dependency=afterok:4711) eval "$3" >&2 ;;
*) exit 2 ;;
esac
"""


def test_the_recipe_for_a_job_array(small_pair, tmp_path):
    array, submit = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
    home, programs = tmp_path / "home", tmp_path / "programs"
    home.mkdir()
    programs.mkdir()
    for path, name in zip(small_pair, ("ms.tif", "pan.tif"), strict=True):
        shutil.copy(path, home / name)
    # Two shards do what eight do.
    (home / "fuse.sh").write_text(array.replace("--array=1-8", "--array=1-2"))
    for name, text in (("sbatch", SBATCH), ("seamline", f'#!/bin/bash\nexec "{sys.executable}" -m seamline "$@"\n')):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(seamline.__file__).resolve().parents[1]),
    }
    done = subprocess.run(
        ["bash", "-e", "-c", submit], cwd=home, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert len((home / "calls").read_text().splitlines()) == 2
    seamline.pansharpen(*small_pair, out=tmp_path / "whole.tif")
    assert_same_pixels(home / "fused.tif", tmp_path / "whole.tif")
