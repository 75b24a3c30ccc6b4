package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/patch"
)

// change is one patch and the files that it applies to.
type change struct {
	name, about string
	bar         float64 // how many times faster than a process it should be
	files       []file
	text        []byte
}

type file struct {
	name     string
	old, new []byte
}

func cases() []*change {
	return []*change{small(), long(), many(), shifted()}
}

// source returns lines that resemble code: most differ, some are equal.
func source(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		switch i % 6 {
		case 0:
			lines[i] = ""
		case 5:
			lines[i] = "}"
		default:
			lines[i] = fmt.Sprintf("\tvalue%d := compute(%d, other) // of %d", i, i*7%1000, n)
		}
	}
	return lines
}

func text(lines []string) []byte { return []byte(strings.Join(lines, "\n") + "\n") }

// edited changes one line for each hunk, evenly spread, and returns their indexes.
func edited(lines []string, hunks int) (changed []string, at []int) {
	changed = slices.Clone(lines)
	for i := range hunks {
		line := (2*i + 1) * len(lines) / (2 * hunks)
		line += 1 - line%6 // a line that differs from all others
		changed[line] += " changed"
		at = append(at, line)
	}
	return changed, at
}

// add adds a file to a change, with the patch from old to new.
func (c *change) add(name string, old, new []string) {
	c.files = append(c.files, file{name, text(old), text(new)})
	c.text = append(c.text, patch.Format([]patch.File{patch.Diff(name, name, text(old), text(new))})...)
}

func small() *change {
	c := &change{name: "small", about: "one hunk on 40 lines", bar: 50}
	old := source(40)
	new, _ := edited(old, 1)
	c.add("f.go", old, new)
	return c
}

func long() *change {
	c := &change{name: "long", about: "20 hunks on 5,000 lines", bar: 50}
	old := source(5000)
	new, _ := edited(old, 20)
	c.add("f.go", old, new)
	return c
}

func many() *change {
	c := &change{name: "many", about: "one hunk on each of 200 files of 100 lines", bar: 1}
	for i := range 200 {
		old := source(100)
		old[1] = fmt.Sprint("package p", i)
		new, _ := edited(old, 1)
		c.add(fmt.Sprintf("d%d/f%d.go", i%10, i), old, new)
	}
	return c
}

// shifted has lines inserted before every hunk, so that each one is farther from the
// position in the patch than the one before.
func shifted() *change {
	c := &change{name: "shifted", about: "10 hunks on 1 MB, each 300 lines farther from its position in the patch than the one before", bar: 1}
	old := source(31_000)
	new, at := edited(old, 10)
	c.add("f.go", old, new)
	foreign := make([]string, 300)
	for i := range foreign {
		foreign[i] = fmt.Sprintf("\tinserted%d(meanwhile)", i)
	}
	for _, line := range slices.Backward(at) {
		before := line - 600 // outside the hunks
		old, new = slices.Insert(old, before, foreign...), slices.Insert(new, before, foreign...)
	}
	c.files[0].old, c.files[0].new = text(old), text(new)
	return c
}

// apply parses and applies the patch, in memory.
func (c *change) apply() (results [][]byte, err error) {
	parsed, err := patch.Parse(c.text)
	if err != nil {
		return nil, err
	}
	results = make([][]byte, len(parsed))
	for i, p := range parsed {
		if results[i], _, err = patch.Apply(c.files[i].old, p, patch.Options{}); err != nil {
			return nil, err
		}
	}
	return results, nil
}
