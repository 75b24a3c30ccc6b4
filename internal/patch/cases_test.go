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

// instance is a file, and a patch that may fit it or not.
type instance struct {
	class  string
	name   string
	now    string
	absent bool // there is no such file; now is empty
	text   string
	// zero tells that hunks may have no context, which git must be told.
	zero bool
}

// story is how an instance comes about: a patch is made for a file, which has
// become another one since.
type story struct {
	old, new, now string
	absent        bool
	create, empty bool // the patch says that it creates, or deletes, the file
	context       int
	reshape       func(*patch.File)
	crlf          bool // the whole patch has CRLF, as of a mail
}

// classes are the kinds of stories. Each must have its fits and its misfits.
var classes = []struct {
	name string
	tell func(teller) story
}{
	{"drift", teller.drift},
	{"far", teller.far},
	{"context", teller.context},
	{"repeats", teller.repeats},
	{"edges", teller.edges},
	{"hunks", teller.hunks},
	{"lopsided", teller.lopsided},
	{"misnumbered", teller.misnumbered},
	{"unnumbered", teller.unnumbered},
	{"no newline", teller.unended},
	{"CRLF", teller.crlf},
	{"CRLF headers", teller.crlfHeaders},
	{"other endings", teller.otherEndings},
	{"mixed endings", teller.mixedEndings},
	{"whole files", teller.wholeFiles},
}

// instances makes n cases of a class; the same for the same seed.
func instances(class string, tell func(teller) story, seed uint64, n int) []instance {
	hash := fnv.New64a()
	hash.Write([]byte(class))
	r := teller{rand.New(rand.NewPCG(seed, hash.Sum64()))}
	var made []instance
	for len(made) < n {
		name := fmt.Sprintf("%s-%d", strings.ReplaceAll(class, " ", "-"), len(made))
		if c, ok := r.instance(name, tell(r)); ok {
			c.class = class
			made = append(made, c)
		}
	}
	return made
}

func (r teller) instance(name string, s story) (c instance, ok bool) {
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
	if r.IntN(2) == 0 { // as GNU diff writes it
		text = text[strings.Index(text, "--- "):]
	}
	if s.crlf {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return instance{name: name, now: s.now, absent: s.absent, text: text, zero: s.context == 0 || s.reshape != nil}, true
}

// teller makes stories up.
type teller struct{ *rand.Rand }

func (r teller) one(of []string) string { return of[r.IntN(len(of))] }

// alphabet gives lines to write a file in; the fewer, the more alike.
func (r teller) alphabet() []string {
	letters := r.one([]string{"ab", "abcdefgh", "abcdefghijklmnopqrstuvwxyz0123456789"})
	return strings.Split(letters, "")
}

func (r teller) lines(n int, of []string) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = r.one(of)
	}
	return lines
}

// distinct gives lines that are all different.
func distinct(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprint("line ", i)
	}
	return lines
}

// edit replaces up to two lines by up to two others, so many times.
func (r teller) edit(lines []string, times int, of []string) []string {
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

func (r teller) drift() story {
	of := r.alphabet()
	old := r.lines(1+r.IntN(30), of)
	return story{
		old: text(old, "\n"), new: text(r.edit(old, 1+r.IntN(4), of), "\n"), now: text(r.edit(old, r.IntN(4), of), "\n"),
		context: r.IntN(4),
	}
}

// far moves the lines by many, and hurts some of them now and then.
func (r teller) far() story {
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
	return story{old: text(old, "\n"), new: text(r.edit(old, 1+r.IntN(3), []string{"n", "m"}), "\n"), now: text(now, "\n"), context: r.IntN(4)}
}

// context hurts single lines near a change.
func (r teller) context() story {
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
	return story{old: text(old, "\n"), new: text(new, "\n"), now: text(now, "\n"), context: 1 + r.IntN(3)}
}

// repeats has several places that look right.
func (r teller) repeats() story {
	of := []string{"a", "b", ""}
	block := r.lines(1+r.IntN(6), of)
	var old []string
	for range 2 + r.IntN(6) {
		old = append(r.edit(old, r.IntN(2), of), block...)
	}
	return story{
		old: text(old, "\n"), new: text(r.edit(old, 1+r.IntN(3), of), "\n"), now: text(r.edit(old, 1+r.IntN(5), of), "\n"),
		context: r.IntN(4),
	}
}

// edges inserts or deletes at the start or the end, near which the file drifted.
func (r teller) edges() story {
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
	return story{old: text(old, "\n"), new: text(new, "\n"), now: text(now, "\n"), context: r.IntN(4)}
}

// hunks has several, each of which the file moved by another distance.
func (r teller) hunks() story {
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
	return story{old: text(old, "\n"), new: text(new, "\n"), now: text(now, "\n"), context: r.IntN(4)}
}

// lopsided trims the context of hunks, more on one side than on the other.
func (r teller) lopsided() story {
	s := r.drift()
	s.context = 3
	s.reshape = func(f *patch.File) {
		for i := range f.Hunks {
			trim(&f.Hunks[i], r.IntN(4), r.IntN(4))
		}
	}
	return s
}

// trim takes context lines off a hunk.
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
	// Of a side without lines, the start is the line before it.
	if h.OldLines == 0 && hadOld {
		h.OldStart--
	}
	if h.NewLines == 0 && hadNew {
		h.NewStart--
	}
}

// misnumbered has wrong line numbers, as of a model that cannot count.
func (r teller) misnumbered() story {
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

// unnumbered says line 1 of every hunk, as of a model that does not even try.
func (r teller) unnumbered() story {
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

func (r teller) unended() story {
	s := r.drift()
	for _, p := range []*string{&s.old, &s.new, &s.now} {
		if r.IntN(2) == 0 {
			*p = strings.TrimSuffix(*p, "\n")
		}
	}
	return s
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// crlf has CRLF on both sides; the patch's own lines end as diff writes them.
func (r teller) crlf() story {
	s := r.drift()
	s.old, s.new, s.now = crlf(s.old), crlf(s.new), crlf(s.now)
	return s
}

func (r teller) crlfHeaders() story {
	s := r.drift()
	s.crlf = true
	if r.IntN(3) == 0 {
		s.now = crlf(s.now)
	}
	return s
}

func (r teller) otherEndings() story {
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

func (r teller) mixedEndings() story {
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
	if r.IntN(2) == 0 { // the whole story is of one mixed file
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

// wholeFiles come into being, go, or are empty before or after.
func (r teller) wholeFiles() story {
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
	default: // it is empty now
		s.now = ""
	}
	if r.IntN(4) == 0 {
		s.old, s.new, s.now = strings.TrimSuffix(s.old, "\n"), strings.TrimSuffix(s.new, "\n"), strings.TrimSuffix(s.now, "\n")
	}
	return s
}

// TestStoriesAreTheSameForASeed keeps a failure of the comparison repeatable.
func TestStoriesAreTheSameForASeed(t *testing.T) {
	t.Parallel()
	for _, c := range classes {
		if !slices.Equal(instances(c.name, c.tell, 3, 20), instances(c.name, c.tell, 3, 20)) {
			t.Errorf("%s: differ", c.name)
		}
	}
}
