#!/bin/sh
# Tests the checkout of any CI, and writes the report to the directory regreen-report, or to
# $REGREEN_ARTIFACT:
#
#   REGREEN_VERSION=v0.1.0 REGREEN_SHA256=... docs/ci/any-ci.sh [FLAGS OF regreen fix]
#
# REGREEN_SHA256 is the hash of the binary for this machine, from the release's SHA256SUMS.
# Keep it in the configuration of the CI, so that no other binary can run. If REGREEN_BINARY
# is the path of a regreen, the script downloads nothing.
set -eu

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

regreen="${REGREEN_BINARY:-}"
if [ -z "$regreen" ]; then
	: "${REGREEN_VERSION:?set it to the release to run, for example v0.1.0}" "${REGREEN_SHA256:?set it to the hash of the binary}"
	os="$(uname -s | tr '[:upper:]' '[:lower:]')"
	case "$(uname -m)" in
	x86_64 | amd64) arch=amd64 ;;
	*) arch=arm64 ;;
	esac
	regreen="$work/regreen"
	curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --output "$regreen" \
		"https://github.com/regreen-ci/regreen/releases/download/$REGREEN_VERSION/regreen-$os-$arch"
	if command -v sha256sum >/dev/null 2>&1; then
		printf '%s  %s\n' "$REGREEN_SHA256" "$regreen" | sha256sum -c - >&2
	else
		printf '%s  %s\n' "$REGREEN_SHA256" "$regreen" | shasum -a 256 -c - >&2
	fi
	chmod +x "$regreen"
fi

# Every run replaces this directory with the report in every format.
export REGREEN_ARTIFACT="${REGREEN_ARTIFACT:-regreen-report}"
status=0
"$regreen" fix --apply never "$@" || status=$?
exit "$status"
