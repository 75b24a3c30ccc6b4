#!/bin/sh
# Installs act, which runs workflows without GitHub, and actionlint, which judges them,
# into a folder for the tests of the action: workflow-tools.sh DIR. DIR/act and
# DIR/actionlint are the programs. What is there stays.
set -eu

act=github.com/nektos/act@v0.2.89
actionlint=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

dir="${1:?usage: workflow-tools.sh DIR}"
mkdir -p "$dir"
dir="$(cd "$dir" && pwd)"
# From outside of any module: versions and settings of this one are not for them.
cd "$dir"
for program in "$act" "$actionlint"; do
	name="${program%@*}"
	name="${name##*/}"
	if [ "$(cat "$name.installed" 2>/dev/null)" = "$program" ] && [ -x "$name" ]; then
		continue
	fi
	GOBIN="$dir" GOFLAGS= GOWORK=off CGO_ENABLED=0 go install -trimpath -ldflags '-s -w' "$program" >&2 || {
		echo "workflow-tools: go could not install $program" >&2
		echo "hint: see whether GOPROXY can be reached" >&2
		exit 1
	}
	# Only what starts is installed.
	"./$name" --version >&2
	echo "$program" >"$name.installed"
done
