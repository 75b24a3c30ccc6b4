package propose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// ShareBasis and EstimateBasis say what a measured and an estimated Share is a percentage of.
const (
	ShareBasis    = "827 measured Go fixes that change one file and at most three lines"
	EstimateBasis = "the failures that it applies to (an estimate)"
)

// ShareText returns the share as text, with a ~ if it is an estimate.
func (s *Strategy) ShareText() string {
	if s.Measured {
		return fmt.Sprintf("%.1f %%", s.Share)
	}
	return fmt.Sprintf("~%.0f %%", s.Share)
}

// FailureKinds returns the kinds of failure that the strategy can help with.
func (s *Strategy) FailureKinds() []testrun.Kind {
	return slices.DeleteFunc(slices.Clone(testrun.Kinds), func(k testrun.Kind) bool { return !s.Applies(k) })
}

// Example returns Before and After as a diff. An unchanged empty line has no marker.
func (s *Strategy) Example() string {
	const whole = 1 << 20 // lines of context
	var b strings.Builder
	for _, h := range patch.DiffContext("", "", []byte(s.Before+"\n"), []byte(s.After+"\n"), whole).Hunks {
		for _, l := range h.Lines {
			if l.Op != patch.Context || l.Text != "\n" {
				b.WriteByte(byte(l.Op))
			}
			b.WriteString(l.Text)
		}
	}
	return b.String()
}

// Quote shortens source code and puts it in backquotes, for a title.
func Quote(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 60 {
		cut := 57
		for cut > 0 && text[cut]&0xC0 == 0x80 {
			cut--
		}
		text = text[:cut] + "..."
	}
	return "`" + text + "`"
}
