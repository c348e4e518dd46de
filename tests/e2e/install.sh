#!/usr/bin/env bash
# An installed tree that was moved, renamed and linked to still finds its own libraries, without any environment.
set -euo pipefail
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT

cmake --install "$(dirname "$HEADRACE_BIN_DIR")" --prefix "$top/first" >/dev/null
mv "$top/first" "$top/moved"
mv "$top/moved/bin/headrace" "$top/moved/bin/renamed"
mkdir "$top/elsewhere"
ln -s ../moved/bin/renamed "$top/elsewhere/link"
cd "$top/elsewhere"

awk 'BEGIN {print "a,b,y"; for (i = 0; i < 400; i++) print (i * 37) % 101 "," (i * 53) % 17 "," ((i * 37) % 101 > 50)}' > data.csv
env -i LD_DEBUG=files LD_DEBUG_OUTPUT="$top/loaded" ./link train data.csv --target y --learner lightgbm -o y.model
env -i ./link score y.model data.csv -o scores.csv
[ "$(wc -l < scores.csv)" = 401 ] || { echo "expected 401 lines of scores, got $(wc -l < scores.csv)"; exit 1; }

cat "$top"/loaded.* > "$top/log"
for library in libduckdb.so lib_lightgbm.so libgomp.so.1; do
  grep -q "calling init: $top/moved/.*lib/headrace/$library" "$top/log" ||
    { echo "$library did not come from the installed tree:"; grep "init: .*$library" "$top/log" || true; exit 1; }
done
for package in duckdb lightgbm adbc nanoarrow; do
  ls "$top/moved/share/licenses/headrace/$package/"LICENSE* >/dev/null
done
