#!/bin/sh
# Installs what the tests need and the machine lacks: the tests run real git, compare
# with GNU patch, and the race detector needs a C compiler.
set -eu

missing=""
for program in git patch gcc; do
	command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
if ! command -v go >/dev/null 2>&1; then
	echo "setup: go is not installed" >&2
	echo "hint: see https://go.dev/doc/install; the version go.mod asks for is fetched by go itself" >&2
	exit 1
fi
# On Debian and its kin a C compiler comes without the headers that cgo reads.
if [ -z "$missing" ]; then
	if printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | gcc -x c -fsyntax-only - 2>/dev/null; then
		exit 0
	fi
	missing=" libc6-dev"
fi

give_up() {
	echo "setup: the tests need$missing, and $1" >&2
	echo "hint: install it with your package manager, then try again" >&2
	exit 1
}

command -v apt-get >/dev/null 2>&1 || give_up "there is no apt-get to install it with"
sudo=""
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 || give_up "only root may install it"
	sudo="sudo -n"
fi
case "$missing" in *gcc*) missing="$missing libc6-dev" ;; esac
echo "setup: installing$missing" >&2
# shellcheck disable=SC2086 # words are wanted
{
	$sudo apt-get update -qq &&
		$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
} || give_up "apt-get could not install it"
