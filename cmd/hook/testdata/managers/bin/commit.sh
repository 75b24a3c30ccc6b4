# Commits a partly staged file; another file has a change that is not staged. The hooks of regreen
# and of the other manager, which prints the argument, run on what is staged, and afterwards every
# change is still there.
set -eu
git checkout -q HEAD -- data
sed 's/^one.*/one more/' data/a.txt >data/new.txt
date +%N >>data/new.txt
mv data/new.txt data/a.txt
git add data/a.txt
printf 'not staged\n' >>data/a.txt
cp data/a.txt "$WORK/partly.txt"
printf 'bad\n' >data/b.txt
git commit -q -m 'partly staged' >"$WORK/log" 2>&1 || {
	cat "$WORK/log" >&2
	exit 1
}
cat "$WORK/log" >&2
grep -q "$1" "$WORK/log"
grep -q 'regreen: .*green' "$WORK/log"
cmp data/a.txt "$WORK/partly.txt"
test "$(cat data/b.txt)" = bad
git show HEAD:data/a.txt | cmp - "$WORK/partly.txt" >/dev/null 2>&1 && exit 1

# What is red is not committed, and stays as it is.
printf 'bad\n' >>data/a.txt
git add data/a.txt
printf 'not staged either\n' >>data/a.txt
cp data/a.txt "$WORK/partly.txt"
head=$(git rev-parse HEAD)
if git commit -q -m 'red' >"$WORK/log" 2>&1; then
	cat "$WORK/log" >&2
	exit 1
fi
grep -q '1 new failure' "$WORK/log" || {
	cat "$WORK/log" >&2
	exit 1
}
test "$head" = "$(git rev-parse HEAD)"
cmp data/a.txt "$WORK/partly.txt"
git reset -q
git checkout -q HEAD -- data
