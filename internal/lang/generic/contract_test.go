package generic

import (
	"testing"

	"github.com/regreen-ci/regreen/internal/lang/langtest"
)

// shell has tests that run on every machine: each test_NAME.sh is a test, and run.sh writes
// the results in the format $1.
var shell = langtest.Fixture{
	TestFile: "test_add.sh",
	Common: `
-- calc.sh --
add() { echo $(($1 + $2)); }
sub() { echo $(($1 + $2)); }
-- run.sh --
mkdir -p build
status=0 n=0
report() {
	n=$((n + 1))
	case $1 in
	junit)
		printf '<testcase classname="test_%s" name="%s">' "$2" "$2"
		[ "$3" = ok ] || printf '<failure type="%s"><![CDATA[%s]]></failure>' "$3" "$(cat build/output)"
		echo '</testcase>'
		;;
	tap)
		if [ "$3" = ok ]; then echo "ok $n - $2"; else
			printf 'not ok %s - %s\n  ---\n  name: %s\n  message: |-\n' "$n" "$2" "$3"
			sed 's/^/    /' build/output
			echo '  ...'
		fi
		;;
	esac
}
all() {
	[ "$1" != junit ] || echo '<testsuites><testsuite name="sh">'
	for file in test_*.sh; do
		name=${file#test_}
		name=${name%.sh}
		if ! sh -n "$file" >build/output 2>&1; then
			sed -i 's/: \([0-9]*\): /:\1: /; s/: line \([0-9]*\): /:\1: /' build/output
			echo 'ImportError: it cannot be parsed' >>build/output
			verdict=ImportError
		elif sh "$file" >build/output 2>&1; then verdict=ok; else verdict=AssertionError; fi
		[ "$verdict" = ok ] || status=1
		[ "$1" != status ] || [ "$verdict" = ok ] || cat build/output
		report "$1" "$name" "$verdict"
	done
	[ "$1" != junit ] || echo '</testsuite></testsuites>'
	[ "$1" != tap ] || echo "1..$n"
}
case $1 in
junit) all junit >build/results.new && mv build/results.new build/results.xml ;;
*) all "$1" ;;
esac
exit $status
`,
	Green: `
-- test_add.sh --
. ./calc.sh
[ "$(add 1 2)" = 3 ] || { echo "test_add.sh:2: wrong"; exit 1; }
-- test_more.sh --
true
`,
	Red: `
-- test_add.sh --
. ./calc.sh
[ "$(add 1 2)" = 3 ] || { echo "test_add.sh:2: wrong"; exit 1; }
-- test_sub.sh --
. ./calc.sh
is=$(sub 3 1)
[ "$is" = 2 ] || { echo "$PWD/test_sub.sh:3: $is is not 2"; exit 1; } # RED
`,
	Fix: `
-- calc.sh --
add() { echo $(($1 + $2)); }
sub() { echo $(($1 - $2)); }
`,
	Flaky: `
-- test_flaky.sh --
[ -e "$LANGTEST_FILE" ] || { : >"$LANGTEST_FILE"; echo "test_flaky.sh:1: not there"; exit 1; }
-- test_more.sh --
true
`,
	Broken: `
-- test_broken.sh --
if true; then
fi
-- test_more.sh --
true
`,
	Hang: `
-- test_hang.sh --
echo $$ >"$LANGTEST_FILE.new"
mv "$LANGTEST_FILE.new" "$LANGTEST_FILE"
exec sleep 1000
`,
	Killed: `
-- test_killed.sh --
kill -9 $PPID
sleep 10
`,
	Flood: `
-- test_flood.sh --
line=$(printf '%0999d' 0)
i=0
while [ $i -lt 1000 ]; do echo "$line"; i=$((i + 1)); done
exit 1
`,
}

func TestContractOfJUnit(t *testing.T) {
	t.Parallel()
	fx := shell
	fx.Command, fx.Results = "exec sh run.sh junit", []string{"build/*.xml"}
	langtest.Run(t, Language, fx)
}

func TestContractOfTAP(t *testing.T) {
	t.Parallel()
	fx := shell
	fx.Command, fx.Results = "exec sh run.sh tap", []string{"-"}
	langtest.Run(t, Language, fx)
}

func TestContractOfStatus(t *testing.T) {
	t.Parallel()
	fx := shell
	fx.Command, fx.Coarse = "exec sh run.sh status", true
	langtest.Run(t, Language, fx)
}
