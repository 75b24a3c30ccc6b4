package report

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/regreen-ci/regreen/internal/plural"
)

// section is a part of a report that can be shortened.
type section struct {
	name     string // of its items, in the singular: "failure"
	priority int    // 0 is kept longest
	items    int
	render   func(n int) string // with the first n items; complete Markdown for every n
}

// leftOutSize is the space that fit reserves for the output of leftOut.
const leftOutSize = 640

// fit renders the sections, in their order, into at most size bytes, with a note on what it
// left out. Sections get space by priority. One that does not fit is rendered with as many
// items as fit, so Markdown is never cut in the middle. rest is appended to the note.
func fit(sections []section, size int, rest string) string {
	order := make([]int, len(sections))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return sections[a].priority - sections[b].priority })
	texts := make([]string, len(sections))
	shown := make([]int, len(sections))
	size -= leftOutSize
	for _, i := range order {
		texts[i], shown[i] = sections[i].within(size)
		size -= len(texts[i])
	}
	return strings.Join(texts, "") + leftOut(sections, shown, rest)
}

// within renders as many items of s as fit into size bytes.
func (s *section) within(size int) (text string, items int) {
	if text = s.render(s.items); len(text) <= size {
		return text, s.items
	}
	// More items take more bytes, but the note on how many are missing can make up for it.
	n := sort.Search(s.items, func(n int) bool { return len(s.render(n)) > size })
	for n--; n >= 0; n-- {
		if text = s.render(n); len(text) <= size {
			return text, n
		}
	}
	return "", 0
}

func leftOut(sections []section, shown []int, rest string) string {
	const most = 6
	missing := map[string]int{}
	total := map[string]int{}
	var names []string
	for i, s := range sections {
		if !slices.Contains(names, s.name) && shown[i] < s.items {
			names = append(names, s.name)
		}
		missing[s.name] += s.items - shown[i]
		total[s.name] += s.items
	}
	if len(names) == 0 {
		return ""
	}
	var parts []string
	for _, name := range names[:min(len(names), most)] {
		parts = append(parts, fmt.Sprintf("%s of %s", plural.Thousands(missing[name]), plural.Count(total[name], name)))
	}
	if len(names) > most {
		parts = append(parts, "and more")
	}
	return "\nLeft out to fit: " + strings.Join(parts, ", ") + "." + rest + "\n"
}
