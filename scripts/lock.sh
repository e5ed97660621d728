#!/usr/bin/env bash
# Resolve the hash-locked requirement files anew from pyproject.toml. No addresses are written.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate "$@"; }
echo 'uv>=0.13,<0.14' | compile - -o requirements/bootstrap.txt
compile --extra hub --extra build pyproject.toml -o requirements/hub.txt
compile --extra hub --extra linkage --extra build --extra dev pyproject.toml -o requirements/hub-dev.txt
compile --extra edge --extra build pyproject.toml -o requirements/edge.txt
