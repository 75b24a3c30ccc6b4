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

// Annotation is a message about lines of the tree, as GitHub shows it in a pull request.
type Annotation struct {
	Level   string // error, warning or notice
	Path    string // slash-separated, in the tree; empty if unknown
	Start   int    // first line; 0 if unknown
	End     int    // last line
	Title   string // one line of at most 255 characters
	Message string // plain text
}

const (
	annotationTitle   = 255     // characters, GitHub's limit
	annotationMessage = 8 << 10 // bytes; GitHub's limit is 64 KiB
)

var annotationLevels = [...]string{"error", "warning", "notice"}

// Annotations returns the annotations of a report: why the tests could not be run, each
// failure (an error if it is new, a warning if it is flaky, otherwise a notice), and the
// place of the best patch of each cluster.
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
				title += " also fails at the base"
			case FailureFlaky:
				title += " is flaky"
			case FailureFixed:
				title += " failed; a patch was applied"
			default:
				title += " fails"
			}
			all = append(all, annotation(level, Span{File: f.File, Start: f.Line}, title, cmp.Or(f.Text(), "failed without a message")))
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
		case p.State == PatchVerified && r.onCI():
			text += "; the run summary shows how to apply it"
		case p.State == PatchVerified && typable(p.ID):
			text += "; apply it with regreen apply " + p.ID
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

// firstRunes returns at most n characters of s.
func firstRunes(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// firstBytes returns at most n bytes of s, which must be valid UTF-8.
func firstBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-len("…")], "") + "…"
}

// commandsShown is how many workflow commands of one level GitHub shows for a step.
const commandsShown = 10

// WorkflowCommands writes the annotations as GitHub workflow commands, for the log
// of a step: ::error file=a.go,line=3,title=TestX fails::message. GitHub shows ten of each
// level; if there are more, the tenth lists the rest.
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
			_, _ = buf.WriteString(a.command()) // Flush returns the error
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("annotations: %w", err)
	}
	return nil
}

// leftOutOf returns one annotation that lists the rest.
func leftOutOf(rest []Annotation) Annotation {
	titles := make([]string, len(rest))
	for i, a := range rest {
		titles[i] = a.Title
	}
	return annotation(rest[0].Level, Span{}, plural.Count(len(rest), "more "+rest[0].Level)+" not shown", strings.Join(titles, "\n"))
}

var (
	commandText  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandValue = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// command returns the annotation as a line of a step's log.
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
