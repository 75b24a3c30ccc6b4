package report

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// checkInert fails if text contains control or invisible characters other than newlines.
func checkInert(t interface{ Fatalf(string, ...any) }, text []byte) {
	if !utf8.Valid(text) {
		t.Fatalf("not UTF-8: %q", text)
	}
	for _, r := range string(text) {
		if r != '\n' && r != '\u200c' && r != '\u200d' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Fatalf("%U reaches the terminal in %q", r, text)
		}
	}
}

var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// copied matches commands to copy, which are never wrapped.
var copied = regexp.MustCompile(`^  (apply|undo|show) +regreen `)

func TestTerminal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := reports().Draw(t, "report")
		opt := TerminalOptions{Width: rapid.IntRange(0, 130).Draw(t, "width"), Verbose: rapid.Bool().Draw(t, "verbose")}
		width := opt.Width
		if width == 0 {
			width = 80
		}
		width = max(width, 40)
		var plainText, colored strings.Builder
		if err := Terminal(&plainText, r, opt); err != nil {
			t.Fatal(err)
		}
		checkInert(t, []byte(plainText.String()))
		for line := range strings.Lines(plainText.String()) {
			line = strings.TrimSuffix(line, "\n")
			if cells(line) > width && !copied.MatchString(line) {
				t.Fatalf("%d columns, more than %d: %q", cells(line), width, line)
			}
			if line != strings.TrimRight(line, " ") {
				t.Fatalf("spaces at the end of %q", line)
			}
		}
		opt.Color = true
		if err := Terminal(&colored, r, opt); err != nil {
			t.Fatal(err)
		}
		stripped := sgr.ReplaceAllString(colored.String(), "")
		if trimmed(stripped) != trimmed(plainText.String()) {
			t.Fatalf("color changes the text:\n%s\n%s", plainText.String(), stripped)
		}
	})
}

func trimmed(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func FuzzTerminal(f *testing.F) {
	f.Add(evil)
	f.Add("\x1b[31m\x1b\x1b[2J\u009b2J")
	f.Add("@@ -1,99999999999999999999 +1 @@\n-\n+")
	f.Fuzz(func(t *testing.T, text string) {
		checkInert(t, onTerminal(t, reportWith(text), TerminalOptions{}))
		checkInert(t, []byte(sgr.ReplaceAllString(string(onTerminal(t, reportWith(text), TerminalOptions{Color: true, Verbose: true})), "")))
		line := Summary(reportWith(text))
		checkInert(t, []byte(line))
		if strings.Contains(line, "\n") || cells(line) > 200 {
			t.Fatalf("not a line: %q", line)
		}
	})
}

// TestTerminalSaysWhatIsLeftOut checks that nothing is cut silently.
func TestTerminalSaysWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	r := proposedReport()
	for range 50 {
		r.Failures = append(r.Failures, r.Failures[0])
	}
	for range 9 {
		r.Clusters = append(r.Clusters, Cluster{Cause: "unknown", Status: ClusterRed})
	}
	r.Patches[0].Diff += "@@ -40,100 +43,100 @@\n" + strings.Repeat(" x\n", 100)
	short := string(onTerminal(t, r, TerminalOptions{}))
	for _, want := range []string{"… 47 more failures", "… 6 more causes", "… 76 more lines", "--verbose"} {
		if !strings.Contains(short, want) {
			t.Errorf("%q is not in:\n%s", want, short)
		}
	}
	long := string(onTerminal(t, r, TerminalOptions{Verbose: true}))
	if strings.Contains(long, "more ") || strings.Count(long, "TestMean/empty  ") != 51 || strings.Count(long, "\n    x") < 100 {
		t.Errorf("verbose leaves out:\n%s", long)
	}
}

func TestTerminalReturnsTheErrorOfTheWriter(t *testing.T) {
	t.Parallel()
	if err := Terminal(broke{}, redReport(), TerminalOptions{}); !errors.Is(err, errBroke) {
		t.Errorf("got %v, want %v", err, errBroke)
	}
}

var errBroke = errors.New("broke")

type broke struct{}

func (broke) Write([]byte) (int, error) { return 0, errBroke }

// TestLongLinesAreBounded checks that a huge line does not fill the screen.
func TestLongLinesAreBounded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("x", 1<<16), strings.Repeat("e\u0301", 1<<15), strings.Repeat("a ", 1<<15)} {
		r := reportWith(text)
		if n := len(onTerminal(t, r, TerminalOptions{})); n > 1<<15 {
			t.Errorf("%d bytes on the terminal", n)
		}
		checkMarkdown(t, Markdown(r, MarkdownOptions{}), commentSize)
	}
}

func TestUnsafeIDsAreNotInCommands(t *testing.T) {
	t.Parallel()
	r := proposedReport()
	r.ID, r.Patches[0].ID = "x;reboot", "$(reboot)"
	r.Clusters[0].Patch = r.Patches[0].ID
	for _, text := range []string{string(onTerminal(t, r, TerminalOptions{})), Markdown(r, MarkdownOptions{MaxBytes: smallestSize})} {
		for _, bad := range []string{"apply $", "report x;"} {
			if strings.Contains(text, bad) {
				t.Errorf("%q is in:\n%s", bad, text)
			}
		}
	}
}
