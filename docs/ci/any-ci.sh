#!/bin/sh
# Tests what a CI has checked out, and leaves the report in the folder regreen-report, as
# REGREEN_ARTIFACT says where it is set:
#
#   REGREEN_VERSION=v0.1.0 REGREEN_SHA256=... docs/ci/any-ci.sh [FLAGS OF regreen fix]
#
# REGREEN_SHA256 is that of the binary for this machine, from the release's SHA256SUMS:
# written down where the CI is configured, it is what keeps another binary from running.
# With REGREEN_BINARY, the path of a regreen that is there, nothing is fetched.
set -eu

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

regreen="${REGREEN_BINARY:-}"
if [ -z "$regreen" ]; then
	: "${REGREEN_VERSION:?the release to run, for instance v0.1.0}" "${REGREEN_SHA256:?the hash of its binary}"
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

# A folder with the report in every format, which is made anew by each run.
export REGREEN_ARTIFACT="${REGREEN_ARTIFACT:-regreen-report}"
status=0
"$regreen" fix --apply never "$@" || status=$?
exit "$status"
