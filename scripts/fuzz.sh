#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other, for a time each.
set -euo pipefail
time=${1:-30s}
for pkg in $(go list ./...); do
	for target in $(go test "$pkg" -list '^Fuzz' | grep '^Fuzz' || true); do
		echo "== $pkg $target"
		go test "$pkg" -run '^$' -fuzz "^$target\$" -fuzztime "$time"
	done
done
