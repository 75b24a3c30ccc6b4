#!/bin/sh
# Shows regreen at work on real code: a published Go module gets a bug, the hook blocks
# the commit and shows a proven patch, the patch is applied, and the commit succeeds.
#
#   KEEP=1       keeps the directory
#   DEMO_DIR=DIR works in DIR, which must not exist, instead of a temporary directory
set -eu
cd "$(dirname "$0")/.."

module=github.com/Masterminds/semver/v3
version=v3.4.0
file=constraints.go
right='strings.Replace(o, v[0], t, 1)'
wrong='strings.Replace(o, t, v[0], 1)'

root="$PWD"
regreen="$root/bin/regreen"
[ -x "$regreen" ] || { echo "demo: bin/regreen not found" >&2; echo "hint: make demo builds it" >&2; exit 1; }

if [ -n "${DEMO_DIR:-}" ]; then
	mkdir "$DEMO_DIR"
	dir="$(cd "$DEMO_DIR" && pwd)"
else
	dir="$(mktemp -d "${TMPDIR:-/tmp}/regreen-demo.XXXXXX")"
fi
leave() {
	status=$?
	trap - EXIT
	if [ "${KEEP:-0}" = 1 ]; then
		echo "kept: $dir" >&2
	else
		cd /
		chmod -R u+w "$dir" 2>/dev/null || :
		rm -rf "$dir"
	fi
	exit "$status"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Keep the machine's git settings, CI and a calling hook out of the demo.
for name in $(git rev-parse --local-env-vars); do unset "$name"; done
unset CI GITHUB_ACTIONS GITLAB_CI CIRCLECI BUILDKITE JENKINS_URL TF_BUILD BITBUCKET_BUILD_NUMBER REGREEN REGREEN_SKIP SKIP || :
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=Demo GIT_AUTHOR_EMAIL=demo@example.com
export GIT_COMMITTER_NAME=Demo GIT_COMMITTER_EMAIL=demo@example.com

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n# %s\n' "$*"; }
# show prints a command as a person would type it, and runs it.
show() {
	line="\$"
	for word; do
		case "$word" in *" "*) line="$line \"$word\"" ;; *) line="$line $word" ;; esac
	done
	echo "$line"
	"$@"
}
# The commands below call regreen by its name; the hook has its path.
regreen() { "$regreen" "$@"; }
fail() {
	echo "demo: $*" >&2
	exit 1
}

say "A published module, $module $version, with its own tests"
go mod download -json "$module@$version" >"$dir/download.json" ||
	fail "cannot download $module@$version: $(grep '"Error"' "$dir/download.json")"
source="$(sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p' "$dir/download.json")"
mkdir "$dir/semver"
cp -R "$source/." "$dir/semver"
chmod -R u+w "$dir/semver"
cd "$dir/semver"
show git init -q -b main
git add .
show git commit -q -m "semver $version as published"

say "The hooks"
show regreen install

say "An edit with a slip in it: it adds documentation, and swaps two arguments"
awk -v right="$right" -v wrong="$wrong" '
	/^func rewriteRange\(/ { print "// rewriteRange writes 1.2 - 1.4 as >= 1.2, <= 1.4." }
	at = index($0, right) { $0 = substr($0, 1, at - 1) wrong substr($0, at + length(right)); slipped = 1 }
	{ print }
	END { exit !slipped }
' "$file" >"$dir/edited" || fail "$right not found in $file"
cat "$dir/edited" >"$file"
show git --no-pager diff -U1

say "The commit is blocked: the hook tests what is staged and looks for a patch"
if show git commit -a -m "Document rewriteRange"; then
	fail "the hook let a red commit through"
fi

# The best of the verified patches comes first.
id="$(regreen report --format json |
	awk -F '"' '/"patches":/ { on = 1 } on && $2 == "id" { id = $4 } on && $2 == "state" && $4 == "verified" { print id; exit }')"
[ -n "$id" ] || fail "no patch was verified; regreen report --format json lists what was tried"
if regreen report --format json | grep -q '"applied": true'; then
	say "The evidence was strong: the hook applied the patch, and stopped the commit for us to look"
else
	say "Apply the verified patch"
	show regreen apply "$id"
fi
show git --no-pager diff -U1

say "And the commit goes through"
show git commit -a -m "Document rewriteRange"

say "Where everything is"
state="$(git rev-parse --git-common-dir)/regreen"
show ls -R "$state"
echo
echo "reports   $dir/semver/$state/runs     (regreen report ID shows one again)"
echo "patches   $dir/semver/$state/patches  (regreen apply ID, regreen rollback ID)"
echo "log       $dir/semver/$state/log"
echo "outcomes  $dir/semver/$state/learn.db"
[ "${KEEP:-0}" = 1 ] || echo "(removed now; KEEP=1 make demo keeps it)"
