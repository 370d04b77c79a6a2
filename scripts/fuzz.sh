#!/usr/bin/env bash
# Runs every fuzz target of the modules, one after the other, for a time each.
set -euo pipefail
time=${1:-30s}
for pkg in $(go list ./... ./cmd/gossip/...); do
	for target in $(go test "$pkg" -list '^Fuzz' | grep '^Fuzz' || true); do
		echo "== $pkg $target"
		go test "$pkg" -run '^$' -fuzz "^$target\$" -fuzztime "$time"
	done
done
