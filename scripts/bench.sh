#!/usr/bin/env bash
# Measures this project and its peers on the same work, and writes tables and plots. Results are
# appended to results.jsonl (OUT), so that more runs make better medians:
#
#	scripts/bench.sh [RUNS] [main | large | rest]
#
# One run takes an hour on two cores that have nothing else to do, and so does a large one. The
# rest are other systems and payloads, logs, origins; it has not been timed yet.
# Runs are made one after the other: of five that are interrupted in the third, two are whole.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:-1}
size=${2:-main}
out=${OUT:-results.jsonl}
all=floor/single,gossip/plain,gossip/keyring,gossip/unordered,memberlist/tuned,gossipsub/tuned,gossipsub/unsigned,gossipsub/default
others=floor/batched,gossip/tls,memberlist/default,serf/default
loaded=floor/single,gossip/plain,gossip/keyring
quiet=gossip/plain,gossip/keyring,memberlist/default,gossipsub/default
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/bench" ./bench

bench() { "$bin/bench" --out "$out" --runs 1 --first "$run" "$@"; }

# Latencies are taken at real-time priority, where that is allowed: docs/benchmarks.md tells why.
# In turns (-r): first come first served (-f), the threads of a Go program that wait for another
# one without sleeping may never let it run.
prompt=()
if chrt -r 5 true 2>/dev/null; then prompt=(chrt -r 5); fi
latency() { "${prompt[@]}" "$bin/bench" --out "$out" --runs 1 --first "$run" --measure latency "$@"; }

had=0
if [ -s "$out" ]; then had=$(sed -En 's/.*"run":([0-9]+).*/\1/p' "$out" | sort -n | tail -1); fi
for ((run = had + 1; run <= had + runs; run++)); do
	case $size in
	main)
		bench --systems $all --nodes 16,64,256 --limit 3m --measure saturated
		latency --systems $all --nodes 16,64,256 --payload 256 --limit 3m
		bench --systems $all --nodes 16,64,256 --payload 256 --limit 3m --measure wire
		bench --systems $loaded --nodes 64,256 --payload 1024 --limit 3m --measure wire-saturated
		bench --systems $all --nodes 16,64,256 --limit 2m --measure join,kill
		bench --systems $quiet --nodes 64,256 --limit 3m --measure idle
		;;
	large)
		bench --systems $all --nodes 1000 --limit 15m --payload 256 --measure saturated,kill
		latency --systems $all --nodes 1000 --limit 15m --rate 2 --payload 256
		bench --systems $quiet --nodes 1000 --limit 15m --measure idle
		bench --systems gossip/plain --nodes 10000 --limit 30m --settle 2m --measure scale
		;;
	rest)
		bench --systems $others --nodes 16,64 --limit 3m --measure saturated
		latency --systems $others --nodes 16,64 --payload 256 --limit 3m
		bench --systems $others --nodes 64 --payload 256 --limit 3m --measure wire,idle,join,kill
		bench --systems $all --nodes 64,256 --payload 64 --limit 3m --measure saturated
		bench --systems $all --nodes 16,64 --payload 65536,1048576 --limit 5m --measure saturated
		bench --systems $loaded --nodes 16 --payload 65536 --limit 3m --measure wire-saturated
		bench --systems $loaded --nodes 16 --payload 65536 --limit 3m --mtu 9000 --measure wire-saturated
		bench --systems gossip/plain --nodes 4 --limit 5m --measure log,origins
		bench --systems gossip/plain --nodes 10000 --limit 30m --settle 2m --measure scale-memory
		;;
	*)
		echo "bench: there are main, large and rest, and no \"$size\"" >&2
		exit 1
		;;
	esac
done
"$bin/bench" table "$out"
"$bin/bench" targets "$out"
"$bin/bench" plot "$out" "${PLOTS:-plots}"
