#!/bin/sh
# Makes a release. Each step has its own command:
#
#   release.sh table VERSION         writes action/release.json, before the tag
#   release.sh build VERSION [DIR]   builds all binaries into DIR (dist) with SHA256SUMS
#   release.sh check VERSION [DIR]   checks action/release.json against the binaries in DIR
#   release.sh notes VERSION         prints the section of VERSION in CHANGELOG.md
#   release.sh pin VERSION COMMIT    pins the examples and pages to the tag's commit
#
# The same commit and VERSION make the same bytes on any machine: the toolchain is the one
# in go.mod, and neither CGO, paths, git nor the user's settings take part.
set -eu
here="$(cd "$(dirname "$0")/.." && pwd)"

platforms="linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64"
releases=https://github.com/regreen-ci/regreen/releases/download

fail() {
	echo "release: $1" >&2
	echo "hint: $2" >&2
	exit 1
}

# one VERSION OS ARCH PROGRAM FILE
one() {
	case "$4" in
	regreen) package=./cmd/hook ;;
	regreen-gate) package=./cmd/gate ;;
	regreen-action) package=./cmd/action ;;
	*) fail "unknown program $4" "use regreen, regreen-gate or regreen-action" ;;
	esac
	(
		cd "$here"
		GOTOOLCHAIN="$(sed -n 's/^toolchain //p' go.mod)" GOFLAGS=-buildvcs=false GOWORK=off GOEXPERIMENT= GOFIPS140=off \
			CGO_ENABLED=0 GOOS="$2" GOARCH="$3" GOAMD64=v1 GOARM64=v8.0 \
			go build -trimpath -ldflags "-s -w -X main.version=$1" -o "$5" "$package"
	)
}

# name PROGRAM OS ARCH prints the file name of a program in a release.
name() {
	case "$2" in
	windows) echo "$1-$2-$3.exe" ;;
	*) echo "$1-$2-$3" ;;
	esac
}

# build VERSION DIR PROGRAM...
build() {
	version="$1" dir="$2"
	shift 2
	for platform in $platforms; do
		for program; do
			file="$(name "$program" "${platform%/*}" "${platform#*/}")"
			echo "release: $file" >&2
			one "$version" "${platform%/*}" "${platform#*/}" "$program" "$dir/$file"
		done
	done
}

hash() {
	if command -v sha256sum >/dev/null 2>&1; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

# table VERSION DIR prints action/release.json for the binaries in DIR. Platforms have
# node's names.
table() {
	printf '{\n  "version": "%s",\n  "url": "%s",\n  "files": {' "$1" "$releases"
	separator=""
	for platform in $platforms; do
		os="${platform%/*}" arch="${platform#*/}"
		file="$(name regreen-action "$os" "$arch")"
		[ "$os" != windows ] || os=win32
		[ "$arch" != amd64 ] || arch=x64
		size="$(wc -c <"$2/$file" | tr -d ' ')"
		sum="$(hash "$2/$file" | cut -d ' ' -f 1)"
		printf '%s\n    "%s-%s": {\n      "name": "%s",\n      "size": %s,\n      "sha256": "%s"\n    }' \
			"$separator" "$os" "$arch" "$file" "$size" "$sum"
		separator=","
	done
	printf '\n  }\n}\n'
}

# notes VERSION
notes() {
	awk -v heading="## [${1#v}]" '
		index($0, heading) == 1 { found = 1; next }
		found && /^## / { exit }
		found
	' "$here/CHANGELOG.md" | sed -e '/./,$!d'
}

command="${1:-}"
version="${2:-}"
printf '%s\n' "$version" | grep -Eqx 'v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?' ||
	fail "\"$version\" is not a version" "for example: scripts/release.sh ${command:-build} v0.1.0"
dir="${3:-dist}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

case "$command" in
one) # VERSION OS ARCH PROGRAM FILE, for the test that builds are reproducible
	shift
	one "$@"
	;;
table)
	build "$version" "$work" regreen-action
	table "$version" "$work" >"$work/release.json"
	cp "$work/release.json" "$here/action/release.json"
	;;
build)
	mkdir -p "$dir"
	dir="$(cd "$dir" && pwd)"
	build "$version" "$dir" regreen regreen-gate regreen-action
	(cd "$dir" && hash regreen* >SHA256SUMS)
	;;
check)
	table "$version" "$dir" >"$work/release.json"
	diff -u "$here/action/release.json" "$work/release.json" >&2 ||
		fail "action/release.json does not match these binaries" "run scripts/release.sh table $version, commit the result, and tag that commit"
	;;
notes)
	notes "$version" >"$work/notes"
	grep -q '[^[:space:]]' "$work/notes" || fail "no section for $version in CHANGELOG.md" "add one: ## [${version#v}] - YYYY-MM-DD"
	cat "$work/notes"
	;;
pin)
	printf '%s\n' "$dir" | grep -Eqx '[0-9a-f]{40}' || fail "$dir is not a full commit id" "git rev-parse '$version^{commit}'"
	cd "$here"
	for file in README.md docs/*.md .github/workflows/examples/*.yml; do
		sed "s|\(regreen-ci/regreen@\)[0-9a-f]\{40\} # v[0-9A-Za-z.-]*|\1$dir # $version|" "$file" >"$work/page"
		cmp -s "$work/page" "$file" || cat "$work/page" >"$file"
	done
	;;
*)
	fail "unknown command \"$command\"" "use table, build, check, notes or pin"
	;;
esac
