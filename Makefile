# Everything is installed into .venv inside the checkout; nothing outside it is touched.
PYTHON ?= python3
BIN := .venv/bin
HOME_DIR := $(CURDIR)/.payviox
NODE := tests/node/node_modules
CLIENT := clients/typescript/node_modules
ENGINE ?= $(firstword $(foreach each,podman docker,$(shell command -v $(each))))
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help demo test lint format messages docs clients bench mutants screenshots lock dist sums \
  sign image sbom audit release packages clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/installed: requirements.lock pyproject.toml tools/install_locked.py $(wildcard frontend/*)
	@echo "Installing Payviox into .venv, here and nowhere else: a minute or two the first time."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python tools/install_locked.py requirements.lock
	@echo "  and Payviox itself"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo "Installing what development needs besides."
	@$(BIN)/python tools/install_locked.py requirements-dev.lock
	@touch $@

# Programs that some tests run; those tests skip and say so where npm is missing.
$(NODE)/installed: tests/node/package.json tests/node/package-lock.json tests/node/.npmrc
	@if command -v npm >/dev/null; then \
	  npm ci --prefix tests/node --loglevel=error && touch $@; \
	else \
	  echo "npm is missing: tests that need an EVM node or a mock of a vendor are skipped"; \
	fi

# What builds and checks the TypeScript client; its tests skip and say so where npm is missing.
$(CLIENT)/installed: clients/typescript/package.json clients/typescript/package-lock.json clients/typescript/.npmrc
	@if command -v npm >/dev/null; then \
	  npm ci --prefix clients/typescript --loglevel=error && touch $@; \
	else \
	  echo "npm is missing: the TypeScript client is not tested"; \
	fi

demo: .venv/installed  ## install, then run the product with a seeded demo business
	@$(BIN)/python frontend/vendor.py
	@PAYVIOX_HOME="$${PAYVIOX_HOME:-$(HOME_DIR)}" PATH="$$PATH:$(CURDIR)/$(NODE)/.bin" \
	  exec $(BIN)/payviox demo

test: .venv/installed-dev $(NODE)/installed $(CLIENT)/installed  ## install what tests need, then run them all
	@$(BIN)/python frontend/vendor.py
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/installed-dev  ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.10 clients/python/src
	$(BIN)/lint-imports

format: .venv/installed-dev  ## mend what a tool can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

messages: .venv/installed-dev  ## what payout users read, into the catalogues of every language; says what is missing
	$(BIN)/python tools/messages.py

docs: .venv/installed-dev  ## the documents as a site, into build/site
	$(BIN)/python tools/site/build.py

clients: .venv/installed-dev $(CLIENT)/installed  ## types and calls of the clients, from the OpenAPI document
	$(BIN)/python tools/clients/generate.py

bench: .venv/installed-dev  ## speed, as ratios measured in one run
	PYTHONPATH=tests $(BIN)/python -m tests.benchmarks $(ARGS)

mutants: .venv/installed-dev  ## do tests notice what is wrong in the money's modules? ARGS="--sample 300"
	@$(BIN)/pip install --quiet --disable-pip-version-check mutmut==3.8.1
	nice $(BIN)/python tools/mutants.py $(ARGS)

screenshots: .venv/installed-dev  ## pictures of every page into screenshots/; ARGS=--guide for those of docs/
	@$(BIN)/python frontend/vendor.py
	PYTHONPATH=tests $(BIN)/python -m tests.browser.screenshots $(ARGS)

lock: .venv/installed-dev  ## renew the lock files; ARGS=--upgrade for newer versions
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header $(ARGS) \
	  --python-version 3.11 pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header $(ARGS) \
	  --python-version 3.11 --group dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock

dist: .venv/installed-dev  ## what a release is, into dist/: wheel, source archive, lock, chart, sums
	rm -rf dist
	@$(BIN)/python frontend/vendor.py
	$(BIN)/python -m build --no-isolation --outdir dist
	cp requirements.lock dist/
	@if command -v helm >/dev/null; then helm package packaging/helm/payviox --destination dist; \
	  else echo "helm is missing: dist/ has no chart"; fi
	@$(MAKE) --no-print-directory sums

sums:
	cd dist && rm -f SHA256SUMS* && sha256sum -- * > SHA256SUMS

sign:  ## sign dist/SHA256SUMS with your minisign key; KEY=file
	minisign -S -s "$(KEY)" -m dist/SHA256SUMS

image:  ## the container image, with podman or docker
	$(ENGINE) build $(if $(filter podman,$(notdir $(ENGINE))),--format docker) $(ARGS) \
	  -f packaging/container/Containerfile -t payviox -t payviox:$(VERSION) .

sbom:  ## what is in the image, as CycloneDX, into dist/ (syft)
	mkdir -p dist
	$(ENGINE) save --output dist/image.tar payviox
	syft scan --quiet docker-archive:dist/image.tar -o cyclonedx-json=dist/payviox-$(VERSION).cdx.json
	rm dist/image.tar
	@$(MAKE) --no-print-directory sums

audit: .venv/installed-dev  ## known faults of what we depend on (asks PyPI), and its licences
	$(BIN)/pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements.lock
	$(BIN)/python -m pytest -q tests/unit/test_licences.py

release:  ## VERSION=1.2.3: set it everywhere, close the changelog, check, build, commit and tag
	$(BIN)/python tools/release.py $(VERSION)

packages: .venv/installed-dev  ## try the wheel, the units, the chart and compose.yaml with the tools that are here
	$(BIN)/python tools/try_packages.py

clean:  ## remove what was installed (not the demo's data)
	rm -rf .venv $(NODE) $(CLIENT)
