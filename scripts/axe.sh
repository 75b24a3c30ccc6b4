#!/bin/sh
# Usage: scripts/axe.sh DIR
# Fetches axe-core, the accessibility checker, for the browser tests. Pages load
# DIR/node_modules/axe-core/axe.min.js. Does nothing if DIR already has this version.
set -eu

want=axe-core@4.14.1

dir="${1:?usage: axe.sh DIR}"
mkdir -p "$dir"
cd "$dir"
if [ "$(cat installed 2>/dev/null)" = "$want" ]; then
	exit 0
fi
if ! command -v npm >/dev/null 2>&1; then
	echo "axe: cannot fetch $want without npm" >&2
	echo "hint: install Node.js" >&2
	exit 1
fi
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . "$want" >&2 || {
	echo "axe: npm could not fetch $want" >&2
	exit 1
}
echo "$want" >installed
