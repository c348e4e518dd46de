#!/usr/bin/env bash
# Every project that `headrace init` writes is valid, trains, scores and leaves rows, as it is and without a network.
set -euo pipefail
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
source=$PWD
cd "$top"

fail() { echo "$*"; exit 1; }
refused() {  # CODE TEXT COMMAND...: it exits with CODE and says TEXT
  local code=$1 text=$2 rc=0
  shift 2
  "$@" >said 2>&1 || rc=$?
  [ "$rc" = "$code" ] || { cat said; fail "expected exit code $code of: $*, got $rc"; }
  grep -qF -- "$text" said || { cat said; fail "expected '$text' of: $*"; }
}
runs() {  # FOLDER ROWS: validate, train, score, and count
  "$HEADRACE" -q -C "$1" validate
  [ ! -d "$1/tests" ] || "$HEADRACE" -C "$1" test | grep -q "^1 test passed$" || fail "$1: its own test does not pass"
  "$HEADRACE" -q -C "$1" run train
  "$HEADRACE" -q -C "$1" run score
  [ "$(wc -l < "$1/out/scores.csv")" = $(($2 + 1)) ] || fail "$1: expected $2 rows of scores, got $(($(wc -l < "$1/out/scores.csv") - 1))"
}

for name in churn lead_scoring forecast blank; do
  "$HEADRACE" init --list | grep -q "^$name " || fail "--list does not name $name"
done
"$HEADRACE" init churn new/churn 2>said
grep -q 'headrace run train' said || fail "init does not say what to do next"
runs new/churn 1500
"$HEADRACE" -q init lead_scoring leads
runs leads 400
mkdir forecast && (cd forecast && "$HEADRACE" -q init forecast)
runs forecast 40
"$HEADRACE" -q init blank blank
"$HEADRACE" -q -C blank validate
"$HEADRACE" -C blank test | grep -q "^1 test passed$" || fail "blank: its own test does not pass"
"$HEADRACE" -q -C blank run first
[ "$(wc -l < blank/out/rows.csv)" = 11 ] || fail "blank: expected 10 rows"

# The same bytes every time.
"$HEADRACE" -q init churn again
for file in data/customers_2026_q1.csv pipelines/train.yaml .headrace/schema/pipeline.json; do cmp again/$file new/churn/$file; done

refused 2 'did you mean `churn`?' "$HEADRACE" init chrun x
refused 2 'is not empty' "$HEADRACE" init churn leads
refused 2 '--from needs --target' "$HEADRACE" init --from a.csv
[ ! -e x ] || fail "a refused init left a folder"

# From a table that lies in the folder itself.
mkdir penguins && cp "$source/tests/data/penguins/penguins.csv" penguins/
(cd penguins && "$HEADRACE" -q init --from penguins.csv --target species)
grep -q '{file: penguins.csv}' penguins/pipelines/train.yaml || fail "the path is not relative to the project"
runs penguins 344
refused 2 'headrace.yaml` is there already' "$HEADRACE" init --from penguins/penguins.csv --target species penguins
refused 2 'did you mean `species`?' "$HEADRACE" init --from penguins/penguins.csv --target specis x
"$HEADRACE" -q init --from penguins/penguins.csv --target sex known   # 11 rows have no sex
runs known 344

# Rows to score need not have the target.
cut -d, -f1,3- penguins/penguins.csv > penguins/new.csv
sed -i 's/{file: penguins.csv}/{file: new.csv}/' penguins/pipelines/score.yaml
runs penguins 344

# Column names that YAML would take for something else, outside the project's folder.
awk 'BEGIN {
  print "no,null,1,a b,a: b,\"say \"\"hi\"\"\",größe,*star,&amp,#x,[l],{m},\"x, y\",- d,~,$n,back\\slash,it'"'"'s,Order ID"
  for (i = 1; i <= 400; i++) {
    a = (i * 37) % 101
    print (a + i % 9 > 50 ? "yes" : "no") "," i % 2 "," i % 5 "," a / 8 "," (i % 3 ? "on" : "a: b") "," i % 11 "," (i % 13 ? i % 17 : "") "," i % 4 "," i % 6 "," i % 7 "," i % 8 "," i % 9 "," i % 10 "," i % 12 "," i % 14 "," i % 15 "," i % 16 "," i % 18 "," i
  }
}' > "odd names.csv"
"$HEADRACE" -q init --from "odd names.csv" --target no "odd folder"
grep -q 'not_null: \[Order ID, "no"\]' "odd folder/pipelines/train.yaml" || fail "the key was not found"
runs "odd folder" 400
