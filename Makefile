# make venv | dev | demo | test | lint | types | bench | plugin-zip | wheel | offline-bundle | docs | site; each sets up what it needs.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
STAMP := .venv/.installed
DEV := .venv/.dev

.PHONY: help venv dev demo test lint types bench plugin-zip wheel offline-bundle docs site clean

help:
	@sed -n '1s/^# //p' Makefile

# The program alone, which is what a demo needs; `dev` adds what tests, benchmarks and pages take, three times as much.
venv: $(STAMP)

dev: $(DEV)

$(STAMP): pyproject.toml constraints.txt
	@for candidate in python3.13 python3.12 python3.11 python3; do \
	  if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	      2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$${python:-}" ]; then \
	  echo "make venv: Seamline needs Python 3.11, 3.12 or 3.13 with its venv module;" \
	    "install one (on Debian: python3.11 and python3.11-venv) and run make again" >&2; exit 1; \
	fi; \
	[ -x $(BIN)/python ] || "$$python" -m venv .venv
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $(STAMP)

$(DEV): $(STAMP)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,cluster,docs]'
	@touch $(DEV)

demo: $(STAMP)
	$(BIN)/seamline demo demo-output

# ruff, what docstrings say, the names that QGIS 4 has, and mypy on all that is typed; the checkout may have any name, so
# mypy sees it through a link.
lint: types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/check_docstrings.py
	$(BIN)/python tools/check_qt6.py

types: $(DEV)
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; ln -s "$$PWD" "$$tmp/seamline"; \
	mypy="$$PWD/$(BIN)/mypy"; config="$$PWD/pyproject.toml"; cd "$$tmp"; \
	MYPYPATH="$$tmp" "$$mypy" --config-file "$$config" -p seamline.engine -p seamline.models -p seamline.arrays -p seamline.batches -m seamline.api \
	-p seamline.training -p seamline.cli -p seamline.report -p seamline.app -p seamline.notebook

# The tests in QGIS run also where others failed, and either failure fails the whole.
test: lint
	sh tests/browser.sh
	failed=0; \
	$(BIN)/python -m pytest -n 2 || failed=$$?; \
	bash tests/qgis/run.sh || failed=$$?; \
	exit $$failed

# The engine's claims; each prints what it measured, and a failing one stops the rest.  Those of a model take its folder.
bench: $(DEV)
	$(BIN)/python -m benchmarks.engine.memory
	$(BIN)/python -m benchmarks.engine.speed
	$(BIN)/python -m benchmarks.engine.evaluation

# The plugin as QGIS installs it: what is committed, less what .gitattributes keeps out; checked as the repository does.
plugin-zip: $(DEV)
	mkdir -p dist
	git archive --format=zip --prefix=seamline/ --output=dist/seamline.zip HEAD
	$(BIN)/python tools/check_plugin_zip.py dist/seamline.zip

# The program as pip installs it, with the weights: what is committed, and nothing that lies about.
wheel: $(DEV)
	$(BIN)/python tools/build_wheel.py dist

# Everything for a computer without a network, of this system and Python; more of it with
# make offline-bundle EXTRAS=app,cluster TORCH=cu126 STANDALONE=ARCHIVE_OF_A_PYTHON
offline-bundle: plugin-zip
	$(BIN)/python -m seamline.tools.offline_bundle dist \
	  --extras '$(EXTRAS)' --torch '$(TORCH)' --standalone '$(STANDALONE)'

# Renews the picture of the README by running the demo.
docs: demo
	mkdir -p docs/images
	$(BIN)/python -c "from PIL import Image; picture = Image.open('demo-output/demo_before_after.png'); \
	  picture.thumbnail((900, 1000)); picture.save('docs/images/demo.png', optimize=True)"

# The documentation as a site that opens without a network: site/index.html.
site: $(DEV)
	$(BIN)/mkdocs build --strict

clean:
	rm -rf build dist site demo-output .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
