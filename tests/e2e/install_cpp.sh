#!/usr/bin/env bash
# A C++ program finds the installed tree by find_package, wherever that was moved to, and fits and scores what the program itself scores, to the bit.
set -euo pipefail
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT

cmake --install "$(dirname "$HEADRACE_BIN_DIR")" --prefix "$top/first" >/dev/null
mv "$top/first" "$top/moved"

# Its headers need nothing but the standard library and each other, and each compiles alone.
cd "$top/moved/include"
if grep -rnE '^ *# *include' . --include='*.h' | grep -vE '<[a-z_]+(\.h)?>|"headrace/'; then echo "a header includes what is not installed"; exit 1; fi
if grep -rnE '^ *# *include *<.*\.h>' headrace; then echo "a C++ header includes a C header"; exit 1; fi
grep -rhoE '"headrace/[a-z_/]+\.h"' headrace | tr -d '"' | sort -u | while read -r header; do [ -f "$header" ] || { echo "$header is included, but not installed"; exit 1; }; done
for header in base/status table/table expr/expr sql/files check/check feature/transform aggregate/aggregate model/train model/row_scorer model/explanation; do [ -f "headrace/$header.h" ] || { echo "no $header.h"; exit 1; }; done
find headrace -name '*.h' -print0 | xargs -0 -P2 -I{} sh -c 'echo "#include \"{}\"" | c++ -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I. -x c++ - || { echo "{} does not compile alone"; exit 255; }'

cmake -S "$HEADRACE_SOURCE/examples/embed" -B "$top/build" -DCMAKE_PREFIX_PATH="$top/moved" -DCMAKE_BUILD_TYPE=Release >"$top/log" 2>&1 || { cat "$top/log"; exit 1; }
cmake --build "$top/build" >"$top/log" 2>&1 || { cat "$top/log"; exit 1; }
cd "$top"
env -i "$top/build/embed" churn.model > said
grep -q '^auc on 2[0-9][0-9] test rows: 0\.[89]' said || { cat said; exit 1; }

# The program's scores of the same rows, by the same model file.
awk 'BEGIN {print "id,visits,spend,country,churned"; for (i = 0; i < 1000; i++) print i "," i * 37 % 11 "," (i % 17 ? i * 53 % 101 : "") "," (i % 3 ? "DE" : "AT") ","}' > rows.csv
echo '0,0,,AT,' > one; head -1 rows.csv | cat - one > one.csv
env -i moved/bin/headrace score churn.model rows.csv -o rows.out.csv --keep id
env -i moved/bin/headrace score churn.model one.csv -o one.out.csv --keep id
first=$(sed -n 2p rows.out.csv | cut -d, -f2) row=$(sed -n 2p one.out.csv | cut -d, -f2)
python3 - said "$first" "$row" <<'P'
import sys
said = open(sys.argv[1]).read().split("\n")
ours = [float(line.rsplit(": ", 1)[1]) for line in said[1:3]]
assert ours == [float(sys.argv[2]), float(sys.argv[3])], (ours, sys.argv[2:])
P
