#!/bin/sh
# Usage: scripts/install.sh [PREFIX]
# Builds the binaries and installs them in PREFIX/bin, or, without PREFIX, where
# `go install` would.
set -eu
cd "$(dirname "$0")/.."

make --no-print-directory build >&2
if [ -n "${1:-}" ]; then
	target="$1/bin"
else
	target="$(go env GOBIN)"
	[ -n "$target" ] || target="$(go env GOPATH | cut -d: -f1)/bin"
fi
mkdir -p "$target"
for program in regreen regreen-gate regreen-action; do
	# Write a copy and rename it: a hook may be running the old one right now.
	cp "bin/$program" "$target/.$program.$$"
	chmod 755 "$target/.$program.$$"
	mv -f "$target/.$program.$$" "$target/$program"
	echo "installed $target/$program"
done
case ":$PATH:" in
*":$target:"*) ;;
*) echo "hint: $target is not in your PATH" >&2 ;;
esac
