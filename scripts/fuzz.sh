#!/usr/bin/env bash
# Runs every fuzz target of every module of go.work, one after the other, all for the
# same share of a time in total; then says what each has done. Fails if one has
# failed, and says where the input is that it failed with.
#
#	scripts/fuzz.sh [TOTAL]     such as 60m (the default), 90s or 1h30m
#
# FUZZPARALLEL is how many workers a target has (default: GOMAXPROCS).
set -euo pipefail
cd "$(dirname "$0")/.."

total=${1:-60m}
parallel=${FUZZPARALLEL:-${GOMAXPROCS:-$(nproc)}}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# seconds reads a time as Go writes it, in whole hours, minutes and seconds.
seconds() {
	[[ $1 =~ ^(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?$ && -n $1 ]] || {
		echo "fuzz: \"$1\" is no time; allowed: hours, minutes and seconds, as in 60m, 90s or 1h30m" >&2
		exit 2
	}
	echo $((10#0${BASH_REMATCH[2]} * 3600 + 10#0${BASH_REMATCH[4]} * 60 + 10#0${BASH_REMATCH[6]}))
}
budget=$(seconds "$total")

modules=$(go list -m -f '{{.Dir}}')
targets=() # "directory target"
while read -r module; do
	while read -r dir; do
		grep -qs '^func Fuzz' "$dir"/*_test.go || continue # spares building what has none
		for target in $(go test "$dir" -list '^Fuzz' | grep '^Fuzz'); do
			targets+=("$dir $target")
		done
	done < <(go list -f '{{.Dir}}' "$module/...")
done <<<"$modules"
((${#targets[@]} > 0)) || { echo "fuzz: no targets found" >&2; exit 1; }

share=$((budget / ${#targets[@]}))
((share >= 1)) || share=1
echo "fuzz: ${#targets[@]} targets, ${share}s each, $parallel workers"

table="" failed=0 executions=0
for entry in "${targets[@]}"; do
	read -r dir target <<<"$entry"
	name="${dir#"$PWD"/} $target"
	[[ $dir == "$PWD" ]] && name=". $target"
	log="$logs/$target"
	outcome=ok
	echo "== $name"
	if ! go test "$dir" -run '^$' -fuzz "^$target\$" -fuzztime "${share}s" -fuzzminimizetime 10s -parallel "$parallel" >"$log" 2>&1; then
		if input=$(grep -o 'testdata/fuzz/[^ ]*' "$log" | tail -1) && [[ -n $input ]]; then
			outcome="FAILED with $dir/$input"
			failed=1
		elif grep -q 'context deadline exceeded' "$log" && ! grep -q 'panic:' "$log"; then
			: # the time was over while a worker was starting: the go command calls that a failure
		else
			outcome="FAILED without an input"
			failed=1
		fi
		if [[ $outcome != ok ]]; then
			cat "$log"
			[[ -n $input && -f $dir/$input ]] && { echo "-- $dir/$input"; cat "$dir/$input"; }
		fi
	fi
	last=$(grep '^fuzz: elapsed' "$log" | tail -1 || true)
	execs=$(sed -nE 's/.*execs: ([0-9]+).*/\1/p' <<<"$last")
	new=$(sed -nE 's/.*new interesting: ([0-9]+) \(total: ([0-9]+)\).*/\1\t\2/p' <<<"$last")
	[[ $outcome == ok && ${execs:-0} == 0 ]] && outcome="did not get to run" # the machine had no time for it
	executions=$((executions + ${execs:-0}))
	table+="$name"$'\t'"${execs:-0}"$'\t'"${new:-0$'\t'0}"$'\t'"$outcome"$'\n'
done

echo
awk -F'\t' '
	BEGIN { printf "%-52s %12s %6s %7s  %s\n", "target", "executions", "new", "corpus", "outcome" }
	{ printf "%-52s %12d %6d %7d  %s\n", $1, $2, $3, $4, $5 }' <<<"${table%$'\n'}"
printf '%-52s %12d\n' "in all" "$executions"
exit $failed
