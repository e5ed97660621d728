#!/usr/bin/env bash
# Get the servers that tests need (system packages where that is possible), then run every test.
# The tests start the servers themselves, on free loopback ports, and stop them. With CI=true a skip is a failure.
set -uo pipefail
cd "$(dirname "$0")/.."

declare -A package=([Orthanc]="orthanc orthanc-dicomweb" [dcmqrscp]=dcmtk [redis-server]=redis-server [rabbitmq-server]=rabbitmq-server [npm]="nodejs npm" [chromium]=chromium)
missing=()
for program in "${!package[@]}"; do
  PATH="$PATH:/usr/sbin:/usr/lib/rabbitmq/bin" command -v "$program" >/dev/null || missing+=(${package[$program]})
done
if [ ${#missing[@]} -gt 0 ]; then
  if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
    as_root=""; [ "$(id -u)" = 0 ] || as_root="sudo -n"
    echo "priorlink: installing ${missing[*]}" >&2
    # policy-rc.d: a test machine must not start these as services
    $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
      $as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || true
  elif command -v brew >/dev/null; then
    brew install --quiet dcmtk redis rabbitmq || true
  fi
fi
exec .venv/bin/python -m pytest -n auto --maxprocesses 4 "$@"
