#!/bin/sh
# Installs the programs that the tests need and the machine lacks. Each is named before
# it is installed, with its package and the tests that need it. On a terminal setup asks
# before it installs packages as root; SETUP=never only reports what is missing.
set -eu
cd "$(dirname "$0")"

if ! command -v go >/dev/null 2>&1; then
	echo "setup: go is not installed" >&2
	echo "hint: see https://go.dev/doc/install; go itself fetches the version that go.mod names" >&2
	exit 1
fi

packages="" # to install
required="" # those of them that the tests cannot run without

# missing PROGRAM PACKAGES WHY [required] notes the packages of a missing program.
missing() {
	echo "setup: $1 is missing: $3 (package $2)" >&2
	packages="$packages $2"
	[ "${4:-}" != required ] || required="$required $1"
}
has() { command -v "$1" >/dev/null 2>&1; }
has_headers() { printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | gcc -x c -fsyntax-only - 2>/dev/null; }
has_pytest() {
	/usr/bin/python3 -m pytest --version >/dev/null 2>&1 || python3 -m pytest --version >/dev/null 2>&1
}

has git || missing git git "every test of the hooks runs it" required
has patch || missing patch patch "the patch engine is compared with GNU patch" required
if ! has gcc; then
	missing gcc "gcc libc6-dev" "the race detector needs a C compiler" required
elif ! has_headers; then
	missing "the C library's headers" libc6-dev "the race detector needs them" required
fi
has pre-commit || missing pre-commit pre-commit "the test that runs regreen from it is skipped"
has npm || missing npm npm "the tests of the action, of node projects and of other hook managers are skipped"
has redis-server || missing redis-server redis-server "the tests of shared stores are skipped"
has_pytest || missing pytest python3-pytest "the tests of pytest projects are skipped"
has chromium || has chromium-browser || has google-chrome ||
	missing chromium "chromium fonts-dejavu-core" "the HTML report is not opened in a browser"

# install PACKAGE... sets why when it fails.
install() {
	root=""
	[ "${SETUP:-}" != never ] || { why="SETUP=never"; return 1; }
	has apt-get || { why="there is no apt-get"; return 1; }
	if [ "$(id -u)" -ne 0 ]; then
		has sudo || { why="it takes root"; return 1; }
		root="sudo"
		[ -t 0 ] || root="sudo -n"
	fi
	if [ -t 0 ] && [ -z "${CI:-}" ]; then
		printf 'setup: run %sapt-get install %s? [y/N] ' "$root${root:+ }" "$*" >&2
		read -r answer || answer=""
		case "$answer" in [yY]*) ;; *) why="you said no"; return 1 ;; esac
	fi
	echo "setup: ${root:+$root }apt-get install $*" >&2
	why="apt-get failed"
	$root apt-get update -qq &&
		$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}
# shellcheck disable=SC2086 # words are wanted
if [ -n "$packages" ] && ! install $packages; then
	echo "setup: not installed: $why" >&2
	if [ -n "$required" ]; then
		echo "setup: the tests cannot run without$required" >&2
		echo "hint: install$packages with your package manager, then try again" >&2
		exit 1
	fi
fi

# The rest needs no root: it goes into the user's cache.
cache="${XDG_CACHE_HOME:-$HOME/.cache}/regreen"
fetch() {
	[ "${SETUP:-}" != never ] || return 0
	"./$1.sh" "$cache/$2" || echo "setup: $3" >&2
}
fetch hook-managers hook-managers "the tests with other hook managers are skipped"
fetch axe axe-core "the accessibility of the HTML report is not tested"
fetch new-git new-git "the test of hooks in git's configuration is skipped: it needs git 2.54"
fetch workflow-tools act "the action is not tested in workflows: that needs act and actionlint"
