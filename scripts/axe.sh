#!/bin/sh
# Fetches axe-core, which judges how accessible a page is, into a folder for the tests:
# axe.sh DIR. DIR/node_modules/axe-core/axe.min.js is what a page runs. What is there
# stays.
set -eu

want=axe-core@4.14.1

dir="${1:?usage: axe.sh DIR}"
mkdir -p "$dir"
cd "$dir"
if [ "$(cat installed 2>/dev/null)" = "$want" ]; then
	exit 0
fi
if ! command -v npm >/dev/null 2>&1; then
	echo "axe: there is no npm to fetch $want with" >&2
	echo "hint: install Node.js" >&2
	exit 1
fi
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . "$want" >&2 || {
	echo "axe: npm could not fetch $want" >&2
	exit 1
}
echo "$want" >installed
