#!/usr/bin/env bash
# Looks in the Go vulnerability database for what this code calls. Fails if there is
# something that scripts/vuln-accepted.txt does not list.
#
# The database is on the internet. Where that cannot be reached, the module that the
# database is made from can perhaps be had as other modules are, and the database is
# made from it here (GOVULNDB is set to the result). Where there is neither, this
# says so and does not fail: not to know is no finding.
set -euo pipefail
cd "$(dirname "$0")/.."

govulncheck="golang.org/x/vuln/cmd/govulncheck@v1.9.0"
vulndb="golang.org/x/vulndb"
accepted=scripts/vuln-accepted.txt
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# check runs govulncheck on one module. It is 0 without findings, 3 with, and anything
# else if it could not tell.
check() {
	local status=0
	(cd "$1" && go run "$govulncheck" ${db:+-db "$db"} ./...) >"$log" 2>&1 || status=$?
	# go run makes every failure a 1, and says which it was.
	if ((status == 1)) && grep -q '^exit status 3$' "$log"; then status=3; fi
	return $status
}

# localDB makes the database from its module, once for each version of it.
localDB() {
	local json dir version to
	json=$(go mod download -json "$vulndb@latest" 2>/dev/null) || return 1
	dir=$(sed -nE 's/^\t"Dir": "(.*)",?$/\1/p' <<<"$json")
	version=$(sed -nE 's/^\t"Version": "(.*)",?$/\1/p' <<<"$json")
	[[ -d $dir/data/osv ]] || return 1
	to="${XDG_CACHE_HOME:-$HOME/.cache}/gossip-vulndb/$version"
	if [[ ! -f $to/index/db.json ]]; then
		rm -rf "$to.part"
		mkdir -p "$to.part"
		go run "$vulndb/cmd/indexdb@$version" -vulns "$dir/data/osv" -out "$to.part" >/dev/null 2>&1 || return 1
		rm -rf "$to"
		mv "$to.part" "$to"
	fi
	echo "vuln: the database is not reachable; this one is made of $vulndb $version" >&2
	echo "file://$to"
}

# bench is left out: it runs the peers as they are, on 127.0.0.1 alone, and nothing that
# anybody else runs contains it.
modules=$(go list -m -f '{{.Dir}}' | grep -v '/bench$')
db=${GOVULNDB:-}
if ! check . && grep -q 'fetching vulnerabilities' "$log"; then
	if ! db=$(localDB); then
		echo "vuln: NOT CHECKED: neither the vulnerability database nor its module can be reached"
		grep 'fetching vulnerabilities' "$log"
		exit 0
	fi
fi

found="" failed=0
while read -r module; do
	status=0
	check "$module" || status=$?
	case $status in
	0) ;;
	3)
		cat "$log"
		found+=$(sed -nE 's/^Vulnerability #[0-9]+: (GO-[0-9]+-[0-9]+)$/\1/p' "$log")$'\n'
		;;
	*)
		cat "$log"
		echo "vuln: could not check $module" >&2
		exit 1
		;;
	esac
done <<<"$modules"

for id in $(sort -u <<<"$found"); do
	if reason=$(grep "^$id " "$accepted"); then
		echo "vuln: accepted: $reason"
	else
		echo "vuln: FOUND: $id, see above; upgrade, or list it in $accepted with a reason"
		failed=1
	fi
done
for id in $(grep -o '^GO-[0-9-]*' "$accepted" || true); do
	grep -q "^$id$" <<<"$found" || echo "vuln: $id is accepted but is found no more: take it off $accepted"
done
((failed)) || echo "vuln: nothing found that is not accepted"
exit $failed
