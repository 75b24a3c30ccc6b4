#!/bin/sh
# Usage: scripts/workflow-tools.sh DIR
# Installs act, which runs workflows without GitHub, and actionlint as DIR/act and
# DIR/actionlint, for the tests of the action. Does nothing if DIR has these versions.
set -eu

act=github.com/nektos/act@v0.2.89
actionlint=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

dir="${1:?usage: workflow-tools.sh DIR}"
mkdir -p "$dir"
dir="$(cd "$dir" && pwd)"
# Leave this module, so that its versions and settings do not apply.
cd "$dir"
for program in "$act" "$actionlint"; do
	name="${program%@*}"
	name="${name##*/}"
	if [ "$(cat "$name.installed" 2>/dev/null)" = "$program" ] && [ -x "$name" ]; then
		continue
	fi
	GOBIN="$dir" GOFLAGS= GOWORK=off CGO_ENABLED=0 go install -trimpath -ldflags '-s -w' "$program" >&2 || {
		echo "workflow-tools: go could not install $program" >&2
		echo "hint: check that GOPROXY can be reached" >&2
		exit 1
	}
	# A program that does not start does not count as installed.
	"./$name" --version >&2
	echo "$program" >"$name.installed"
done
