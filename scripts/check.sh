#!/bin/sh
# Usage: scripts/check.sh [REVISION]
# Checks what the working tree changes since a revision (default HEAD): formatting of the
# changed files; vet, staticcheck and the short tests of every package that the changes
# reach; and the changed scripts of cmd/hook. `make test` runs everything.
set -eu
cd "$(dirname "$0")/.."

: "${GOFUMPT:?run make check}" "${STATICCHECK:?run make check}" "${SLOW:?run make check}"
since="${1:-HEAD}"
began="$(date +%s)"

git rev-parse --verify --quiet "$since^{commit}" >/dev/null || {
	echo "check: $since is not a revision" >&2
	echo "hint: make check SINCE=main compares with a branch" >&2
	exit 2
}
changed="$({
	git diff --name-only --no-renames "$since" --
	git ls-files --others --exclude-standard
} | sort -u)"
if [ -z "$changed" ]; then
	echo "check: nothing has changed since $since" >&2
	echo "hint: make check SINCE=main compares with a branch" >&2
	exit 0
fi

# package_of prints the directory of the package that a file belongs to: that of the
# nearest Go files above it. Files above every package concern the tests of the tree.
package_of() {
	dir="$(dirname "$1")"
	while [ "$dir" != . ]; do
		case "$dir" in
		*testdata*) ;;
		*) if ls "$dir"/*.go >/dev/null 2>&1; then
			echo "./$dir"
			return
		fi ;;
		esac
		dir="$(dirname "$dir")"
	done
	printf '%s\n' ./docs ./internal/workflows ./action ./scripts
}
# The layers and the prose of every file are checked by package internal.
seeds="$({
	echo ./internal
	echo "$changed" | while read -r file; do package_of "$file"; done
} | sort -u)"

# shellcheck disable=SC2086 # words are wanted
reached="$({
	go list $seeds | sed 's/^/seed /'
	go list -e -test -f '{{.ImportPath}}{{range .Deps}} {{.}}{{end}}' ./...
} | awk '
	$1 == "seed" { seed[$2] = 1; print $2; next }
	$1 ~ /\.test$/ {
		for (i = 2; i <= NF; i++) if ($i in seed) { sub(/\.test$/, "", $1); print $1; next }
	}
' | sort -u)"
echo "check: $(echo "$changed" | wc -l | tr -d ' ') changed files reach $(echo "$reached" | wc -l | tr -d ' ') packages" >&2

failed=""
step() {
	name="$1"
	shift
	echo "check: $name" >&2
	"$@" || failed="$failed $name,"
}
formatted() {
	files="$(echo "$changed" | grep '\.go$' | while read -r file; do [ ! -f "$file" ] || echo "$file"; done)"
	[ -n "$files" ] || return 0
	# shellcheck disable=SC2086 # words are wanted
	unformatted="$(go run "$GOFUMPT" -l $files)" || return 1
	[ -z "$unformatted" ] || {
		echo "$unformatted"
		echo "hint: go run $GOFUMPT -w FILE"
		return 1
	}
}
export CGO_ENABLED=0
step formatting formatted
# shellcheck disable=SC2086 # words are wanted
{
	step vet go vet $reached
	step staticcheck go run "$STATICCHECK" $reached
	step tests go test -short -skip "$SLOW" -timeout 5m $reached
}
scripts="$(echo "$changed" | sed -n 's|^cmd/hook/testdata/script/\(.*\)\.txtar$|\1|p' | while read -r script; do
	[ ! -f "cmd/hook/testdata/script/$script.txtar" ] || printf '%s|' "$script"
done)"
[ -z "$scripts" ] || step scripts go test ./cmd/hook -run "^TestScript$/^(${scripts%|})$"
echo "check: $(($(date +%s) - began)) s" >&2
[ -z "$failed" ] || {
	echo "check: failed:${failed%,}" >&2
	exit 1
}
