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
env -i LD_DEBUG=files LD_DEBUG_OUTPUT="$top/loaded" ./link train data.csv --target y --learner xgboost -o x.model
env -i ./link score y.model data.csv -o scores.csv
[ "$(wc -l < scores.csv)" = 401 ] || { echo "expected 401 lines of scores, got $(wc -l < scores.csv)"; exit 1; }

cat "$top"/loaded.* > "$top/log"
for library in libduckdb.so lib_lightgbm.so libgomp.so.1 libxgboost.so; do
  grep -q "calling init: $top/moved/.*lib/headrace/$library" "$top/log" ||
    { echo "$library did not come from the installed tree:"; grep "init: .*$library" "$top/log" || true; exit 1; }
done
for package in duckdb lightgbm xgboost adbc nanoarrow; do
  ls "$top/moved/share/licenses/headrace/$package/"LICENSE* >/dev/null
done

# Another program beside it: C, and the Python package.
cat > "$top/score.c" <<'C'
#include <headrace.h>
#include <stdio.h>

int main(int argc, char** argv) {
  headrace_error error;
  headrace_model* model = NULL;
  if (argc != 2 || headrace_load(argv[1], &model, &error) != HEADRACE_OK) {
    fprintf(stderr, "%s\n%s\n", error.message, error.help);
    return 1;
  }
  const headrace_value row[] = {{.kind = HEADRACE_INT, .as_int = 37}, {.kind = HEADRACE_INT, .as_int = 2}};
  double score;
  if (headrace_score_row(model, row, 2, &score, 1, &error) != HEADRACE_OK) return 1;
  printf("%.17g\n", score);
  headrace_free(model);
  return 0;
}
C
cc -Wall -Wextra -Werror "$top/score.c" -I"$top/moved/include" -L"$top/moved/lib" -lheadrace -Wl,-rpath,"$top/moved/lib" -o "$top/score"
from_c=$(env -i "$top/score" y.model)
from_python=$(env -i PYTHONPATH="$top/moved/python" HEADRACE_LIBRARY="$top/moved/lib/libheadrace.so" /usr/bin/python3 -c \
  'import headrace; print("%.17g" % headrace.load("y.model").predict_row({"a": 37, "b": 2}))')
[ -n "$from_c" ] && [ "$from_c" = "$from_python" ] || { echo "one row: C says $from_c, Python $from_python"; exit 1; }
