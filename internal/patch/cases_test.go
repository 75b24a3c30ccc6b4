package patch_test

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/patch"
)

// instance is a file, and a patch that may or may not apply to it.
type instance struct {
	class  string
	name   string
	now    string
	absent bool // the file does not exist; now is empty
	text   string
	// zero says that hunks may lack context, for which git apply needs an option.
	zero bool
}

// scenario is the source of an instance: a patch from old to new, for a file that is now
// different.
type scenario struct {
	old, new, now string
	absent        bool
	create, empty bool // the patch creates, or deletes, the file
	context       int
	reshape       func(*patch.File)
	crlf          bool // the whole patch has CRLF, as from a mail
}

// classes are the kinds of scenarios. In each, some patches must apply and some not.
var classes = []struct {
	name string
	make func(generator) scenario
}{
	{"drift", generator.drift},
	{"far", generator.far},
	{"context", generator.context},
	{"repeats", generator.repeats},
	{"edges", generator.edges},
	{"hunks", generator.hunks},
	{"lopsided", generator.lopsided},
	{"misnumbered", generator.misnumbered},
	{"unnumbered", generator.unnumbered},
	{"no newline", generator.unended},
	{"CRLF", generator.crlf},
	{"CRLF headers", generator.crlfHeaders},
	{"other endings", generator.otherEndings},
	{"mixed endings", generator.mixedEndings},
	{"whole files", generator.wholeFiles},
}

// instances returns n cases of a class, the same ones for the same seed.
func instances(class string, build func(generator) scenario, seed uint64, n int) []instance {
	hash := fnv.New64a()
	hash.Write([]byte(class))
	r := generator{rand.New(rand.NewPCG(seed, hash.Sum64()))}
	var made []instance
	for len(made) < n {
		name := fmt.Sprintf("%s-%d", strings.ReplaceAll(class, " ", "-"), len(made))
		if c, ok := r.instance(name, build(r)); ok {
			c.class = class
			made = append(made, c)
		}
	}
	return made
}

func (r generator) instance(name string, s scenario) (c instance, ok bool) {
	oldName, newName := name, name
	if s.create {
		oldName = ""
	}
	if s.empty {
		newName = ""
	}
	f := patch.DiffContext(oldName, newName, []byte(s.old), []byte(s.new), s.context)
	if len(f.Hunks) == 0 {
		return c, false
	}
	if s.reshape != nil {
		s.reshape(&f)
	}
	text := string(patch.Format([]patch.File{f}))
	if r.IntN(2) == 0 { // like GNU diff
		text = text[strings.Index(text, "--- "):]
	}
	if s.crlf {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return instance{name: name, now: s.now, absent: s.absent, text: text, zero: s.context == 0 || s.reshape != nil}, true
}

// generator makes scenarios at random.
type generator struct{ *rand.Rand }

func (r generator) one(of []string) string { return of[r.IntN(len(of))] }

// alphabet returns the lines that a file is made of; the fewer, the more they repeat.
func (r generator) alphabet() []string {
	letters := r.one([]string{"ab", "abcdefgh", "abcdefghijklmnopqrstuvwxyz0123456789"})
	return strings.Split(letters, "")
}

func (r generator) lines(n int, of []string) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = r.one(of)
	}
	return lines
}

// distinct returns n different lines.
func distinct(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprint("line ", i)
	}
	return lines
}

// edit replaces up to two lines with up to two others, the given number of times.
func (r generator) edit(lines []string, times int, of []string) []string {
	lines = slices.Clone(lines)
	for range times {
		at := r.IntN(len(lines) + 1)
		end := min(len(lines), at+r.IntN(3))
		lines = slices.Replace(lines, at, end, r.lines(r.IntN(3), of)...)
	}
	return lines
}

func text(lines []string, end string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, end) + end
}

func (r generator) drift() scenario {
	of := r.alphabet()
	old := r.lines(1+r.IntN(30), of)
	return scenario{
		old: text(old, "\n"), new: text(r.edit(old, 1+r.IntN(4), of), "\n"), now: text(r.edit(old, r.IntN(4), of), "\n"),
		context: r.IntN(4),
	}
}

// far moves the lines far, and sometimes changes a few of them.
func (r generator) far() scenario {
	old := distinct(10 + r.IntN(40))
	now := slices.Clone(old)
	if r.IntN(2) == 0 {
		now = r.edit(now, 3, []string{"x", "y"})
	}
	at := r.IntN(len(now) / 2)
	if r.IntN(3) == 0 {
		now = slices.Delete(now, at, at+r.IntN(len(now)/2))
	} else {
		now = slices.Insert(now, at, r.lines(r.IntN(100), []string{"x", "y", "line 1"})...)
	}
	return scenario{old: text(old, "\n"), new: text(r.edit(old, 1+r.IntN(3), []string{"n", "m"}), "\n"), now: text(now, "\n"), context: r.IntN(4)}
}

// context changes single lines near a change.
func (r generator) context() scenario {
	old := distinct(12 + r.IntN(8))
	at := r.IntN(len(old))
	now := slices.Clone(old)
	for range 1 + r.IntN(3) {
		now[min(len(now)-1, max(0, at+r.IntN(9)-4))] = "x"
	}
	if r.IntN(2) == 0 {
		now = slices.Insert(now, r.IntN(len(now)), "y")
	}
	new := slices.Clone(old)
	new[at] = "n"
	return scenario{old: text(old, "\n"), new: text(new, "\n"), now: text(now, "\n"), context: 1 + r.IntN(3)}
}

// repeats has several places that match.
func (r generator) repeats() scenario {
	of := []string{"a", "b", ""}
	block := r.lines(1+r.IntN(6), of)
	var old []string
	for range 2 + r.IntN(6) {
		old = append(r.edit(old, r.IntN(2), of), block...)
	}
	return scenario{
		old: text(old, "\n"), new: text(r.edit(old, 1+r.IntN(3), of), "\n"), now: text(r.edit(old, 1+r.IntN(5), of), "\n"),
		context: r.IntN(4),
	}
}

// edges inserts or deletes at the start or the end, near which the file has changed.
func (r generator) edges() scenario {
	of := r.alphabet()
	old := r.lines(1+r.IntN(8), of)
	new := slices.Clone(old)
	some := 1 + r.IntN(min(2, len(old)))
	switch r.IntN(4) {
	case 0:
		new = append(r.lines(some, of), new...)
	case 1:
		new = append(new, r.lines(some, of)...)
	case 2:
		new = new[some:]
	default:
		new = new[:len(new)-some]
	}
	now := slices.Clone(old)
	switch r.IntN(5) {
	case 0:
		now = append(r.lines(1+r.IntN(2), of), now...)
	case 1:
		now = append(now, r.lines(1+r.IntN(2), of)...)
	case 2:
		now = now[min(len(now), 1+r.IntN(2)):]
	case 3:
		now = r.edit(now, 1, of)
	}
	return scenario{old: text(old, "\n"), new: text(new, "\n"), now: text(now, "\n"), context: r.IntN(4)}
}

// hunks has several hunks, and the lines of each have moved a different distance.
func (r generator) hunks() scenario {
	of := r.alphabet()
	if r.IntN(2) == 0 {
		of = distinct(60)
	}
	var old, new, now []string
	for range 2 + r.IntN(5) {
		part := r.lines(8+r.IntN(8), of)
		old = append(old, part...)
		new = append(new, r.edit(part, 1, of)...)
		now = append(append(now, r.lines(r.IntN(6)/2, of)...), part[r.IntN(8)/6:]...)
	}
	if r.IntN(2) == 0 {
		now = r.edit(now, 2, of)
	}
	return scenario{old: text(old, "\n"), new: text(new, "\n"), now: text(now, "\n"), context: r.IntN(4)}
}

// lopsided trims the context of hunks, by different amounts on each side.
func (r generator) lopsided() scenario {
	s := r.drift()
	s.context = 3
	s.reshape = func(f *patch.File) {
		for i := range f.Hunks {
			trim(&f.Hunks[i], r.IntN(4), r.IntN(4))
		}
	}
	return s
}

// trim removes context lines from a hunk.
func trim(h *patch.Hunk, before, after int) {
	hadOld, hadNew := h.OldLines > 0, h.NewLines > 0
	for range before {
		if h.Lines[0].Op != patch.Context {
			break
		}
		h.Lines = h.Lines[1:]
		h.OldStart, h.NewStart = h.OldStart+1, h.NewStart+1
		h.OldLines, h.NewLines = h.OldLines-1, h.NewLines-1
	}
	for range after {
		if h.Lines[len(h.Lines)-1].Op != patch.Context {
			break
		}
		h.Lines = h.Lines[:len(h.Lines)-1]
		h.OldLines, h.NewLines = h.OldLines-1, h.NewLines-1
	}
	// If a side has no lines, its start is the line before.
	if h.OldLines == 0 && hadOld {
		h.OldStart--
	}
	if h.NewLines == 0 && hadNew {
		h.NewStart--
	}
}

// misnumbered has wrong line numbers, like a patch by a model that cannot count.
func (r generator) misnumbered() scenario {
	s := r.drift()
	s.context = r.IntN(4)
	s.reshape = func(f *patch.File) {
		for i := range f.Hunks {
			h := &f.Hunks[i]
			by := r.IntN(9) - 4
			if h.OldLines > 0 && h.NewLines > 0 && h.OldStart+by > 0 && h.NewStart+by > 0 {
				h.OldStart, h.NewStart = h.OldStart+by, h.NewStart+by
			}
		}
	}
	return s
}

// unnumbered says line 1 for every hunk, like a patch by a model that does not even try.
func (r generator) unnumbered() scenario {
	s := r.repeats()
	s.context = 1 + r.IntN(3)
	s.reshape = func(f *patch.File) {
		for i := range f.Hunks {
			h := &f.Hunks[i]
			trim(h, r.IntN(3), r.IntN(2))
			h.OldStart, h.NewStart = min(1, h.OldLines), min(1, h.NewLines)
		}
	}
	return s
}

func (r generator) unended() scenario {
	s := r.drift()
	for _, p := range []*string{&s.old, &s.new, &s.now} {
		if r.IntN(2) == 0 {
			*p = strings.TrimSuffix(*p, "\n")
		}
	}
	return s
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// crlf has CRLF on both sides. The headers of the patch have LF, like those by diff.
func (r generator) crlf() scenario {
	s := r.drift()
	s.old, s.new, s.now = crlf(s.old), crlf(s.new), crlf(s.now)
	return s
}

func (r generator) crlfHeaders() scenario {
	s := r.drift()
	s.crlf = true
	if r.IntN(3) == 0 {
		s.now = crlf(s.now)
	}
	return s
}

func (r generator) otherEndings() scenario {
	s := r.drift()
	if r.IntN(4) == 0 {
		s = r.unended()
	}
	if r.IntN(2) == 0 {
		s.now = crlf(s.now)
	} else {
		s.old, s.new = crlf(s.old), crlf(s.new)
	}
	return s
}

func (r generator) mixedEndings() scenario {
	s := r.drift()
	mix := func(s string) string {
		var b strings.Builder
		for line := range strings.Lines(s) {
			if r.IntN(3) == 0 {
				line = crlf(line)
			}
			b.WriteString(line)
		}
		return b.String()
	}
	if r.IntN(2) == 0 { // all versions have the same mixed endings
		end := map[string]string{}
		for _, l := range r.alphabet() {
			end[l] = r.one([]string{"\n", "\r\n"})
		}
		same := func(s string) string {
			var b strings.Builder
			for line := range strings.Lines(s) {
				b.WriteString(strings.TrimSuffix(line, "\n") + end[strings.TrimSuffix(line, "\n")])
			}
			return b.String()
		}
		of := slices.Sorted(maps.Keys(end))
		old := r.lines(1+r.IntN(30), of)
		s.old, s.new, s.now = same(text(old, "\n")), same(text(r.edit(old, 1+r.IntN(3), of), "\n")), same(text(r.edit(old, r.IntN(4), of), "\n"))
		return s
	}
	s.now = mix(s.now)
	if r.IntN(3) == 0 {
		s.old, s.new = mix(s.old), mix(s.new)
	}
	return s
}

// wholeFiles creates, deletes, fills or empties a file.
func (r generator) wholeFiles() scenario {
	s := r.drift()
	switch r.IntN(5) {
	case 0: // create
		s.old, s.create = "", true
		switch r.IntN(4) {
		case 0: // exists
		case 1:
			s.now = ""
		default:
			s.now, s.absent = "", true
		}
	case 1: // delete
		s.new, s.empty = "", true
	case 2: // fill an empty file
		s.old = ""
		if r.IntN(2) == 0 {
			s.now = ""
		}
	case 3: // empty it
		s.new = ""
	default: // the file is now empty
		s.now = ""
	}
	if r.IntN(4) == 0 {
		s.old, s.new, s.now = strings.TrimSuffix(s.old, "\n"), strings.TrimSuffix(s.new, "\n"), strings.TrimSuffix(s.now, "\n")
	}
	return s
}

// TestInstancesAreReproducible checks that a seed reproduces a failure of TestDifferential.
func TestInstancesAreReproducible(t *testing.T) {
	t.Parallel()
	for _, c := range classes {
		if !slices.Equal(instances(c.name, c.make, 3, 20), instances(c.name, c.make, 3, 20)) {
			t.Errorf("%s: the same seed made other instances", c.name)
		}
	}
}
