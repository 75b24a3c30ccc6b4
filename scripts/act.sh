#!/bin/sh
# Installs act, which runs workflows without GitHub, into a folder for the tests of the
# action: act.sh DIR. DIR/act is the program. What is there stays.
set -eu

want=github.com/nektos/act@v0.2.89

dir="${1:?usage: act.sh DIR}"
mkdir -p "$dir"
dir="$(cd "$dir" && pwd)"
if [ "$(cat "$dir/installed" 2>/dev/null)" = "$want" ] && [ -x "$dir/act" ]; then
	exit 0
fi
# From outside of any module: flags and versions of this one are not act's.
cd "$dir"
GOBIN="$dir" GOFLAGS= GOWORK=off CGO_ENABLED=0 go install -trimpath -ldflags '-s -w' "$want" >&2 || {
	echo "act: go could not install $want" >&2
	echo "hint: see whether GOPROXY can be reached" >&2
	exit 1
}
# Only what starts is installed.
./act --version >&2
echo "$want" >installed
