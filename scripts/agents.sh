#!/usr/bin/env bash
# Builds the command and runs three agents on this machine, a, b and c, until it is
# interrupted. What they deliver is printed, with the agent's name in front. The first
# serves its window and its API at 127.0.0.1:7980, where the command's other verbs look
# for it; if that is taken, at the address that is printed.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=$(mktemp -d)
pids=()
finish() {
	trap '' INT TERM # not once more, and not halfway
	trap - EXIT
	((${#pids[@]})) && kill "${pids[@]}" 2>/dev/null
	wait
	rm -rf "$dir"
}
trap finish INT TERM EXIT

[[ -f cmd/gossip/internal/window/dist/app/index.html ]] || echo "the window is not built: run 'make window' before, for more than a plain page"
go build -o "$dir/gossip" ./cmd/gossip

# agent NAME FLAGS... starts one and prints what it says.
agent() {
	local name=$1
	shift
	: >"$dir/$name.out" >"$dir/$name.err" # tail gives up files that are not there yet
	"$dir/gossip" agent --id "$name" --log-level error "$@" >"$dir/$name.out" 2>"$dir/$name.err" &
	pids+=($!)
	tail -n +1 -f --pid=$! "$dir/$name.out" "$dir/$name.err" 2>/dev/null | sed -u "/^==>/d; /^$/d; s/^/$name: /" &
}

agent a --listen 127.0.0.1:0
until address=$(sed -nE 's/^a at ([^ ]+).*/\1/p' "$dir/a.err") && [[ $address ]]; do
	kill -0 "${pids[0]}" # it has ended, and said why
	read -rt .05 <> <(:) || :
done
agent b --listen 127.0.0.1:0 --join "$address"
agent c --listen 127.0.0.1:0 --join "$address"
wait
