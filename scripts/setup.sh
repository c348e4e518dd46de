#!/bin/sh
# Install the Debian packages of scripts/apt-packages.txt that are missing.
#
#   scripts/setup.sh SECTION...     sections: build, test, lint, fuzz
#
# As root, or by `sudo -n`; when neither is possible it prints the one command to type and fails. Where there is no
# Debian package manager it says what is needed and goes on: CMake tells what it cannot find.
set -eu
list=$(dirname "$0")/apt-packages.txt
[ $# -gt 0 ] || { sed -n '2,7p' "$0"; exit 2; }

wanted=
for section; do
  lines=$(awk -v section="[$section]" '/^\[/ {on = ($1 == section)} on && /^[a-z]/ {print $1, $3}' "$list")
  [ -n "$lines" ] || { echo "setup: no section [$section] in $list" >&2; exit 2; }
  wanted="$wanted$lines
"
done

missing=
if command -v dpkg-query >/dev/null; then
  # shellcheck disable=SC2046  # one word a package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' \
              $(echo "$wanted" | awk '{print $1}') 2>/dev/null | sed -n 's/^installed //p' || true)
  missing=$(echo "$wanted" | while read -r package command; do
    [ -n "$package" ] || continue
    if [ -n "$command" ] && command -v "$command" >/dev/null; then continue; fi
    echo "$installed" | grep -qxF "$package" || echo "$package"
  done)
else
  echo "  not a Debian system; needed are your system's names for: $(echo "$wanted" | awk '{printf "%s ", $1}')"
fi
missing=$(echo "$missing" | tr '\n' ' ' | sed 's/ *$//')
[ -n "$missing" ] || exit 0

install="apt-get update && apt-get install -y --no-install-recommends $missing"
if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root="sudo -n"
else
  echo "setup: these Debian packages are missing, and installing them needs root; type" >&2
  echo "  sudo sh -c '$install'" >&2
  echo "and run make again" >&2
  exit 1
fi

echo "  installing $missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! $as_root env DEBIAN_FRONTEND=noninteractive sh -c "$install" >"$log" 2>&1 </dev/null; then
  tail -n 30 "$log" >&2
  echo "setup: apt-get failed (its last lines stand above); the command was: $install" >&2
  exit 1
fi
