#!/bin/sh
# Test the plugin in QGIS's own Python: tests/qgis/run.sh [pytest arguments]
# Sets up what it needs; says why it skips when it cannot.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
venv="$root/.venv-qgis"
python=/usr/bin/python3

skip() {
    echo "QGIS tests skipped: $1"
    exit 0
}

install() { # a failed refresh of the lists does not matter when the packages can still be fetched
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" = 0 ] || return 1
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || true
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if ! command -v qgis_process >/dev/null; then
    install qgis python3-qgis qgis-providers gdal-bin python3-gdal xvfb ||
        skip "qgis_process is not installed and cannot be installed here (needs apt-get and root)"
fi
"$python" -c "import qgis.core, osgeo.gdal, numpy" 2>/dev/null || skip "$python cannot import qgis.core"

if [ ! -x "$venv/bin/pytest" ] || ! "$venv/bin/python" -c "import pytest_qgis" 2>/dev/null; then
    "$python" -c "import ensurepip" 2>/dev/null || install python3-venv ||
        skip "$python has no venv module and it cannot be installed here"
    "$python" -m venv --clear --system-site-packages "$venv"
    "$venv/bin/python" -m pip install --quiet "pytest>=8" "pytest-qgis>=2" ||
        skip "pytest and pytest-qgis cannot be installed"
fi

# A fresh profile, so that neither the user's settings nor other plugins take part.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -m 700 "$work/run"
export QT_QPA_PLATFORM=offscreen XDG_RUNTIME_DIR="$work/run" XDG_DATA_HOME="$work/data" PYTHONDONTWRITEBYTECODE=1
# Real imagery is read where it lies: QGIS would leave statistics beside it.
export GDAL_PAM_ENABLED=NO
# pytest-qgis keeps its profile in pytest's root directory: here that is the fresh folder, with a link to the checkout.
ln -s "$root" "$work/checkout"
cd "$work"
tests=checkout/tests/qgis # and no conftest.py above it: those need the engine's packages
"$venv/bin/python" -m pytest -c checkout/pyproject.toml --rootdir . --confcutdir $tests -p no:cacheprovider $tests "$@"
