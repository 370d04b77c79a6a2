#!/usr/bin/env bash
# Runs the library's micro-benchmarks at another revision and here, and compares them
# with benchstat. The two take turns, so that whatever else the machine does meets both.
#
#	scripts/bench-compare.sh BASE
#
# BENCH is which benchmarks (a regular expression; all), COUNT how often (6), BENCHTIME
# for how long each (100ms), PKGS of which packages (./...). Times that were measured on
# a busy machine say little; allocations are exact.
set -euo pipefail
cd "$(dirname "$0")/.."

base=${1:-}
if [[ -z $base ]]; then
	echo "bench-compare: which revision? make bench-compare BASE=main" >&2
	exit 1
fi
benchstat="golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da"
dir=$(mktemp -d)
trap 'git worktree remove --force "$dir/tree" 2>/dev/null; rm -rf "$dir"' EXIT
git worktree add --quiet --detach "$dir/tree" "$base"

measure() {
	(cd "$1" && go test -run '^$' -bench "${BENCH:-.}" -benchmem -benchtime "${BENCHTIME:-100ms}" ${PKGS:-./...}) >>"$2"
}
for ((i = 1; i <= ${COUNT:-6}; i++)); do
	echo "bench-compare: round $i" >&2
	measure "$dir/tree" "$dir/base"
	measure . "$dir/here"
done
(cd "$dir" && GOFLAGS=-mod=mod go run "$benchstat" base here)
