#!/bin/sh
# Usage: scripts/fuzz.sh PACKAGE...
# Runs every Fuzz function of the packages in turn, each for FUZZTIME (default 60s).
# Missing packages are skipped; a package without a Fuzz function is an error. The rest
# still run after one fails.
set -eu
cd "$(dirname "$0")/.."

failed=""
for package; do
	if [ ! -d "$package" ]; then
		echo "fuzz: skipped $package: not found" >&2
		continue
	fi
	targets="$(go test -list '^Fuzz' "./$package" | grep '^Fuzz' || true)"
	if [ -z "$targets" ]; then
		echo "fuzz: $package has no Fuzz function, or does not build" >&2
		echo "hint: go vet ./$package" >&2
		exit 1
	fi
	for target in $targets; do
		echo "fuzz: $package $target for ${FUZZTIME:-60s}" >&2
		# make test runs the tests. Without a limit, go spends a minute on minimizing each
		# input that is merely new.
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-60s}" -fuzzminimizetime 5s "./$package" ||
			failed="$failed $package/$target"
	done
done
if [ -n "$failed" ]; then
	echo "fuzz: failed:$failed" >&2
	echo "hint: the inputs are in testdata/fuzz of the package; commit them with the fix, and go test will run them" >&2
	exit 1
fi
