package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/regreen-ci/regreen/internal/plural"
)

// Annotation is a remark on lines of the tree, as GitHub shows them in a pull request.
type Annotation struct {
	Level   string // error, warning or notice
	Path    string // slash-separated, in the tree; empty when the place is not known
	Start   int    // the first line and the last; 0 when the place is not known
	End     int
	Title   string // one line of at most 255 characters
	Message string // plain text
}

const (
	annotationTitle   = 255     // characters, what GitHub takes
	annotationMessage = 8 << 10 // bytes, of the 64 KiB that GitHub takes
)

var annotationLevels = [...]string{"error", "warning", "notice"}

// Annotations are the remarks of a report: why there was no run, each failure, an error
// when it is new, a warning when it is flaky, else a notice, and where the best patch
// of each cluster has its place.
func Annotations(r *Report) []Annotation {
	var all []Annotation
	if p := r.Problem; p != nil && r.Verdict == NotRun {
		text := p.What
		if p.Hint != "" {
			text += "\nhint: " + p.Hint
		}
		all = append(all, annotation("error", Span{}, "the tests could not be run", text))
	}
	for rank, level := range annotationLevels {
		for i := range r.Failures {
			f := &r.Failures[i]
			if f.severity() != rank {
				continue
			}
			title := cmp.Or(f.ID, f.name())
			switch f.Status {
			case FailureKnown:
				title += " fails at the base too"
			case FailureFlaky:
				title += " is flaky"
			case FailureFixed:
				title += " failed, and a patch was applied"
			default:
				title += " fails"
			}
			all = append(all, annotation(level, Span{File: f.File, Start: f.Line}, title, cmp.Or(f.Message, "failed without a message")))
		}
	}
	for _, p := range r.stories().patches() {
		at := Span{}
		if len(p.Files) > 0 {
			at = p.Files[0]
		}
		text := fmt.Sprintf("%s patch, confidence %.2f", p.State, p.Confidence)
		switch {
		case p.Applied:
			text += ", applied"
		case p.State == PatchVerified && r.gone():
			text += "; the summary of the run says how to apply it"
		case p.State == PatchVerified && typable(p.ID):
			text += "; apply it with: regreen apply " + p.ID
		}
		all = append(all, annotation("notice", at, "regreen: "+cmp.Or(p.Title, p.Strategy), text))
	}
	return all
}

func annotation(level string, at Span, title, message string) Annotation {
	a := Annotation{Level: level, Title: firstRunes(oneLine(title), annotationTitle), Message: firstBytes(plain(message), annotationMessage)}
	if at.File != "" {
		a.Path, a.Start, a.End = Visible(at.File), at.Start, max(at.Start, at.End)
	}
	return a
}

// firstRunes is at most n characters of s.
func firstRunes(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// firstBytes is at most n bytes of s, which is valid UTF-8.
func firstBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-len("…")], "") + "…"
}

// commandsShown is how many workflow commands of a level GitHub shows for a step.
const commandsShown = 10

// WorkflowCommands writes the annotations as GitHub workflow commands, for the log
// of a step: ::error file=a.go,line=3,title=TestX fails::message. Of each level GitHub
// shows ten; where there are more, the tenth names those that are left out.
func WorkflowCommands(w io.Writer, r *Report) error {
	buf := bufio.NewWriter(w)
	byLevel := map[string][]Annotation{}
	for _, a := range Annotations(r) {
		byLevel[a.Level] = append(byLevel[a.Level], a)
	}
	for _, level := range annotationLevels {
		all := byLevel[level]
		if n := len(all); n > commandsShown {
			all = append(all[:commandsShown-1:commandsShown-1], leftOutOf(all[commandsShown-1:]))
		}
		for _, a := range all {
			_, _ = buf.WriteString(a.command()) // Flush tells the error
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("annotations: %w", err)
	}
	return nil
}

// leftOutOf stands for annotations that are not shown one by one.
func leftOutOf(rest []Annotation) Annotation {
	titles := make([]string, len(rest))
	for i, a := range rest {
		titles[i] = a.Title
	}
	return annotation(rest[0].Level, Span{}, plural.Count(len(rest), "more "+rest[0].Level)+" not shown here", strings.Join(titles, "\n"))
}

var (
	commandText  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandValue = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// command is the annotation as a line of a step's log.
func (a Annotation) command() string {
	var b strings.Builder
	b.WriteString("::" + a.Level + " ")
	if a.Path != "" {
		b.WriteString("file=" + commandValue.Replace(a.Path) + ",")
		if a.Start > 0 {
			b.WriteString("line=" + strconv.Itoa(a.Start) + ",endLine=" + strconv.Itoa(a.End) + ",")
		}
	}
	b.WriteString("title=" + commandValue.Replace(a.Title) + "::" + commandText.Replace(a.Message) + "\n")
	return b.String()
}
