#!/bin/sh
# Usage: scripts/hook-managers.sh DIR
# Installs other hook managers, for the tests that run regreen from them and for
# bench-hooks. Does nothing if DIR already has these versions.
set -eu

lefthook=2.2.2
lefthook1=1.13.6
prek=0.5.3
husky=9.1.7
husky8=8.0.3
simple_git_hooks=2.14.0
lint_staged=17.6.1

dir="${1:?usage: hook-managers.sh DIR}"
mkdir -p "$dir"
cd "$dir"
want="lefthook@$lefthook @j178/prek@$prek husky@$husky simple-git-hooks@$simple_git_hooks lint-staged@$lint_staged"
want="$want lefthook1@npm:lefthook@$lefthook1 husky8@npm:husky@$husky8"
if [ "$(cat installed 2>/dev/null)" = "$want" ]; then
	exit 0
fi
if ! command -v npm >/dev/null 2>&1; then
	echo "hook-managers: cannot install $want without npm" >&2
	echo "hint: install Node.js" >&2
	exit 1
fi
# shellcheck disable=SC2086 # words are wanted
npm install --silent --ignore-scripts --no-audit --no-fund --prefix . $want >&2 || {
	echo "hook-managers: npm could not install $want" >&2
	exit 1
}
# Link the native programs, past the Node.js wrappers that start them.
mkdir -p bin
case "$(uname -m)" in
x86_64 | amd64) arch=x64 ;;
*) arch=arm64 ;;
esac
os="$(uname -s | tr '[:upper:]' '[:lower:]')"
ln -sf "../node_modules/lefthook-$os-$arch/bin/lefthook" bin/lefthook
ln -sf "../node_modules/lefthook1/node_modules/lefthook-$os-$arch/bin/lefthook" bin/lefthook1
ln -sf ../node_modules/husky/bin.js bin/husky
ln -sf ../node_modules/husky8/lib/bin.js bin/husky8
for program in prek simple-git-hooks lint-staged; do
	ln -sf "../node_modules/.bin/$program" "bin/$program"
done
bin/lefthook version >/dev/null
echo "$want" >installed
