#!/bin/sh
# Installs what the tests need and the machine lacks: the tests run real git, compare
# with GNU patch, run regreen from other hook managers, open reports in a browser, share
# what was learnt through a Redis server, test projects of pytest and node, run workflows,
# and the race detector needs a C compiler.
set -eu

if ! command -v go >/dev/null 2>&1; then
	echo "setup: go is not installed" >&2
	echo "hint: see https://go.dev/doc/install; the version go.mod asks for is fetched by go itself" >&2
	exit 1
fi

lacking() {
	for program; do
		command -v "$program" >/dev/null 2>&1 || printf ' %s' "$program"
	done
}

# install PACKAGE... fails with the reason in $why.
install() {
	sudo=""
	if ! command -v apt-get >/dev/null 2>&1; then
		why="there is no apt-get to install it with"
		return 1
	fi
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null 2>&1; then
			why="only root may install it"
			return 1
		fi
		sudo="sudo -n"
	fi
	echo "setup: installing $*" >&2
	why="apt-get could not install it"
	$sudo apt-get update -qq &&
		$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

need="$(lacking git patch gcc)"
# On Debian and its kin a C compiler comes without the headers that cgo reads.
case "$need" in
*gcc*) need="$need libc6-dev" ;;
*)
	printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | gcc -x c -fsyntax-only - 2>/dev/null ||
		need="$need libc6-dev"
	;;
esac
# shellcheck disable=SC2086 # words are wanted
if [ -n "$need" ] && ! install $need; then
	echo "setup: the tests need$need, and $why" >&2
	echo "hint: install it with your package manager, then try again" >&2
	exit 1
fi

# Without these a few tests are skipped, which say so.
want="$(lacking pre-commit npm redis-server)"
/usr/bin/python3 -m pytest --version >/dev/null 2>&1 || python3 -m pytest --version >/dev/null 2>&1 || want="$want python3-pytest"
# shellcheck disable=SC2086 # words are wanted
if [ -n "$want" ] && ! install $want; then
	echo "setup: some tests are skipped without$want, and $why" >&2
fi
# Chromium has other names elsewhere, and any of its kind will do.
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 ||
	install chromium fonts-dejavu-core ||
	echo "setup: reports are not tested in a browser: there is no Chromium, and $why" >&2
cache="${XDG_CACHE_HOME:-$HOME/.cache}/regreen"
"$(dirname "$0")/hook-managers.sh" "$cache/hook-managers" ||
	echo "setup: the tests with other hook managers are skipped" >&2
"$(dirname "$0")/axe.sh" "$cache/axe-core" ||
	echo "setup: whether a report's page is accessible is not tested" >&2
"$(dirname "$0")/new-git.sh" "$cache/new-git" ||
	echo "setup: the test of configured hooks is skipped without a newer git" >&2
"$(dirname "$0")/workflow-tools.sh" "$cache/act" ||
	echo "setup: the action is not tested in workflows, which take act to run and actionlint to judge them" >&2
