#!/bin/sh
# A browser for the tests of pages, where one can be installed; without one those tests skip and say so.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || true
    apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0
fi
echo "no browser: the tests of pages skip (needs chromium, or apt-get and root)"
