#!/bin/bash
# 20,000 random expressions give what DuckDB gives (docs/expressions.md lists the differences, which are not generated).
set -eu
exec "$HEADRACE_BIN_DIR/expr_compare" "${COUNT:-20000}" "${SEED:-1}"
