#!/usr/bin/env bash
# Make an environment from the hash-locked requirements. Usage: scripts/setup.sh hub|hub-dev|edge
# hub and hub-dev make .venv, edge makes .venv-edge: the two cannot share one (docs/adr/0002-two-environments.md).
# Needs Python 3.11 to 3.13 and nothing else; a second run with unchanged locks does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
lock="requirements/$1.txt"
venv=.venv; [ "$1" = edge ] && venv=.venv-edge

find_python() {
  local candidate
  for candidate in ${PRIORLINK_PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  echo "priorlink needs Python 3.11, 3.12 or 3.13; none was found (set PRIORLINK_PYTHON to one)" >&2
  exit 4
}

make_venv() {
  local python="$1"
  if "$python" -m venv "$venv" >/dev/null 2>&1; then return; fi
  # Debian and Ubuntu ship Python without ensurepip.
  rm -rf "$venv"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "priorlink: installing Python's venv module" >&2
    apt-get update -qq >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      "$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info.minor)')" >/dev/null
    "$python" -m venv "$venv"
  else
    echo "Python's venv module is missing; on Debian or Ubuntu: sudo apt-get install python3-venv" >&2
    exit 4
  fi
}

wanted="$(cat requirements/bootstrap.txt "$lock" pyproject.toml | cksum)"
if [ "$(cat "$venv/.stamp-$1" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
# The development lock holds all of the hub's: an environment made for tests serves the demo too.
dev="$(cat requirements/bootstrap.txt requirements/hub-dev.txt pyproject.toml | cksum)"
if [ "$1" = hub ] && [ "$(cat .venv/.stamp-hub-dev 2>/dev/null)" = "$dev" ]; then exit 0; fi

[ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import pip' 2>/dev/null || { rm -rf "$venv"; make_venv "$(find_python)"; }
echo "priorlink: making the environment ($venv) from $lock" >&2
rm -f "$venv"/.stamp-*
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
# uv brings its own certificates unless told to use the system's, or the ones set up for pip.
export UV_SYSTEM_CERTS=1 SSL_CERT_FILE="${SSL_CERT_FILE:-${PIP_CERT:-$($venv/bin/python -m pip config get global.cert 2>/dev/null || true)}}"
[ -n "$SSL_CERT_FILE" ] || unset SSL_CERT_FILE
if ! "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock" 2>"$venv/uv.log"; then
  # A private registry set up for pip alone: slower, same locks.
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
echo "$wanted" >"$venv/.stamp-$1"
