#!/bin/sh
# Usage: scripts/new-git.sh DIR
# Unpacks git 2.54 or later from Debian's packages, with its own C library, for the tests
# of hooks in git's configuration. Runs as DIR/bin/git. Does nothing if DIR has it.
set -eu

dir="${1:?usage: new-git.sh DIR}"
[ -x "$dir/bin/git" ] && exit 0
command -v apt-get >/dev/null 2>&1 || { echo "new-git: cannot fetch git without apt-get" >&2; exit 1; }
[ "$(uname -m)" = x86_64 ] || { echo "new-git: only x86_64 is supported" >&2; exit 1; }

mkdir -p "$(dirname "$dir")"
work="$(mktemp -d "$dir.XXXXXX")"
work="$(cd "$work" && pwd)"
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p lists/partial cache/archives/partial root
touch status
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main" >sources.list
apt() {
	apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State="$work" \
		-o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@"
}
apt update >&2
apt download git libc6 zlib1g libpcre2-8-0 >&2
for package in *.deb; do
	dpkg-deb -x "$package" root
done
rm -rf lists cache status sources.list ./*.deb
mkdir bin
cat >bin/git <<'END'
#!/bin/sh
here="$(cd "$(dirname "$0")/.." && pwd)"
lib="$here/root/usr/lib"
export GIT_EXEC_PATH="$here/bin" GIT_TEMPLATE_DIR="$here/root/usr/share/git-core/templates"
exec "$here/root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib/x86_64-linux-gnu" "$here/root/usr/bin/git" "$@"
END
chmod +x bin/git
bin/git version >&2
rm -rf "$dir"
mv "$work" "$dir"
