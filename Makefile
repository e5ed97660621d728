# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
ARGS ?=

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: ## make the environment in .venv
	@scripts/setup.sh hub

setup-dev:
	@scripts/setup.sh hub-dev

setup-edge: ## make the edge agent's environment in .venv-edge
	@scripts/setup.sh edge

demo: setup ## start the hub and four demo hospitals (ARGS=--check plays the story and exits)
	@$(BIN)/priorlink demo $(ARGS)

check: setup-dev setup-edge ## format, lint, types, import contracts, published schema, released contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	cd graphql && ../$(BIN)/python -m gateway.print_schema --check
	cd graphql && ../$(BIN)/python -m gateway.check_contract
	cd graphql && ../$(BIN)/python -m gateway.print_access_matrix --check
	cd graphql && ../.venv-edge/bin/python -m edge.print_schema --check

test: setup-dev setup-edge ## get and start the servers that tests need, run every test
	@scripts/test.sh $(ARGS)

fuzz: setup-dev ## ask a running hub everything the schema allows, two minutes (ARGS="--seconds 600")
	$(BIN)/python -m tests.fuzz.graphql_fuzz $(ARGS)

dependency-audit: setup-dev ## ask a vulnerability service about the locked dependencies (needs the network and pip-audit)
	@command -v pip-audit >/dev/null || { echo "pip-audit is not installed: pip install pip-audit; it asks a vulnerability service over the network"; exit 1; }
	pip-audit --requirement requirements/hub.txt --require-hashes --disable-pip
	pip-audit --requirement requirements/edge.txt --require-hashes --disable-pip

format: setup-dev ## write the format and the safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup-dev ## measure, and write bench/results
	$(BIN)/python -m bench.run $(ARGS)

screenshots: setup-dev ## pictures of every page, state and theme in var/screenshots (ARGS=--docs: those of the README)
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

lock: ## resolve requirements/ anew
	@scripts/lock.sh

.PHONY: dependency-audit screenshots fuzz help setup setup-dev setup-edge demo check test format bench lock
