#!/bin/sh
# Usage: scripts/fuzz.sh PACKAGE...
# Runs every Fuzz function of the packages, one after another, each as long as FUZZTIME
# says (default 60s). A package that is not there is left out, one without a Fuzz
# function is an error. All are run even when one fails.
set -eu
cd "$(dirname "$0")/.."

failed=""
for package; do
	if [ ! -d "$package" ]; then
		echo "fuzz: there is no $package" >&2
		continue
	fi
	targets="$(go test -list '^Fuzz' "./$package" | grep '^Fuzz' || true)"
	if [ -z "$targets" ]; then
		echo "fuzz: $package has no Fuzz function, or does not build" >&2
		echo "hint: go vet ./$package tells which" >&2
		exit 1
	fi
	for target in $targets; do
		echo "fuzz: $package $target for ${FUZZTIME:-60s}" >&2
		# Without the tests: those are make test's. Making an input small that is merely new
		# takes a minute at a time when it is not told to be brief.
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-60s}" -fuzzminimizetime 5s "./$package" ||
			failed="$failed $package/$target"
	done
done
if [ -n "$failed" ]; then
	echo "fuzz: failed:$failed" >&2
	echo "hint: the inputs are in testdata/fuzz of the package; commit them with the repair, and go test runs them ever after" >&2
	exit 1
fi
