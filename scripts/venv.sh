#!/bin/sh
# Make .venv for the tests: Python 3.11 with exactly what tests/requirements.txt pins. Does nothing when it is so already.
set -eu
cd "$(dirname "$0")/.."
python=
for candidate in python3.11 python3 /usr/bin/python3.11; do
  if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || { echo "venv: tests/requirements.txt pins packages for Python 3.11, which is not on the PATH" >&2; exit 1; }

stamp=$(sha256sum tests/requirements.txt | cut -d' ' -f1)
if [ "$(cat .venv/.stamp 2>/dev/null)" = "$stamp" ] && .venv/bin/python -c '' 2>/dev/null; then exit 0; fi
rm -rf .venv
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
  --no-compile --require-hashes -r tests/requirements.txt
echo "$stamp" > .venv/.stamp
