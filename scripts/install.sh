#!/bin/sh
# Usage: scripts/install.sh [PREFIX]
# Builds, and puts the binaries into PREFIX/bin; without PREFIX where `go install`
# would put them.
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
	# Written aside and renamed: a hook may be running the old one at this moment.
	cp "bin/$program" "$target/.$program.$$"
	chmod 755 "$target/.$program.$$"
	mv -f "$target/.$program.$$" "$target/$program"
	echo "installed $target/$program"
done
case ":$PATH:" in
*":$target:"*) ;;
*) echo "hint: $target is not in your PATH" >&2 ;;
esac
