// Package seeded seeds bugs into published Go modules. It reads lists of bugs, and makes
// writable copies of the modules.
//
// Non-goal: to run tests or to judge their results, which the callers do.
package seeded

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Bug is one mistake to seed into a published Go module.
type Bug struct {
	ID      string `json:"id"`      // unique within the list
	Module  string `json:"module"`  // module path
	Version string `json:"version"` // as on the module proxy
	File    string `json:"file"`    // slash-separated, relative to the module's root
	Line    int    `json:"line"`    // where Fixed starts, from 1
	Fixed   string `json:"fixed"`   // the published text; part of a line, or several lines
	Buggy   string `json:"buggy"`   // the text that replaces it; empty if something is missing
	// Before, if set, is the text at the commit before, which means the same as Fixed. Then the
	// commit that seeds the bug also rewrites the code around it.
	Before   string `json:"before,omitempty"`
	Template int    `json:"template"` // kind of fix: a number of the table in bench/repair/README.md, 0 if Buggy does not compile
}

// LastTemplate is the highest number in that table.
const LastTemplate = 20

// Load reads a list of bugs. It returns an error for a bug that can never be seeded, and
// for an unknown key, which is likely a typo.
func Load(name string) ([]Bug, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the list of bugs: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var bugs []Bug
	if err := dec.Decode(&bugs); err != nil {
		return nil, fmt.Errorf("%s: %w\nhint: bench/repair/README.md describes the format", name, err)
	}
	seen := map[string]bool{}
	for i, b := range bugs {
		if err := b.check(); err != nil {
			return nil, fmt.Errorf("%s: bug %d (%s): %w", name, i+1, b.ID, err)
		}
		if seen[b.ID] {
			return nil, fmt.Errorf("%s: bug %d: duplicate id %q", name, i+1, b.ID)
		}
		seen[b.ID] = true
	}
	return bugs, nil
}

// Pick returns the bugs with the given ids, separated by commas, in that order.
func Pick(bugs []Bug, ids string) ([]Bug, error) {
	var picked []Bug
	for id := range strings.SplitSeq(ids, ",") {
		i := slices.IndexFunc(bugs, func(b Bug) bool { return b.ID == strings.TrimSpace(id) })
		if i < 0 {
			return nil, fmt.Errorf("no bug %q in the list", id)
		}
		picked = append(picked, bugs[i])
	}
	return picked, nil
}

func (b Bug) check() error {
	switch {
	case b.ID == "" || strings.ContainsAny(b.ID, ", \t\n/"):
		return errors.New("the id must be a word without commas and slashes")
	case b.Module == "" || b.Version == "":
		return errors.New("module and version are required")
	case !filepath.IsLocal(filepath.FromSlash(b.File)) || path.Ext(b.File) != ".go":
		return fmt.Errorf("file %q is not a Go file in the module", b.File)
	case strings.HasSuffix(b.File, "_test.go"):
		return fmt.Errorf("file %q is a test", b.File)
	case b.Line < 1:
		return errors.New("line must be at least 1")
	case b.Fixed == "" || b.Fixed == b.Buggy:
		return errors.New("fixed must not be empty, and must differ from buggy")
	case b.Template < 0 || b.Template > LastTemplate:
		return fmt.Errorf("template must be 0 to %d", LastTemplate)
	}
	return nil
}

// Seed returns src with the bug. Fixed must start on the given line, exactly once.
func (b Bug) Seed(src []byte) ([]byte, error) { return b.replace(src, b.Buggy) }

// Unseeded returns src as it was at the commit before.
func (b Bug) Unseeded(src []byte) ([]byte, error) {
	if b.Before == "" {
		return src, nil
	}
	return b.replace(src, b.Before)
}

// replace returns src with another text in place of Fixed.
func (b Bug) replace(src []byte, text string) ([]byte, error) {
	start, ok := lineOffset(src, b.Line)
	if !ok {
		return nil, fmt.Errorf("%s has no line %d", b.File, b.Line)
	}
	end := len(src)
	if i := bytes.IndexByte(src[start:], '\n'); i >= 0 {
		end = start + i
	}
	at := -1
	for i := start; i <= end; i++ {
		if !bytes.HasPrefix(src[i:], []byte(b.Fixed)) {
			continue
		}
		if at >= 0 {
			return nil, fmt.Errorf("%s:%d: %q occurs more than once", b.File, b.Line, b.Fixed)
		}
		at = i
	}
	if at < 0 {
		return nil, fmt.Errorf("%s:%d: expected %q, got %q", b.File, b.Line, b.Fixed, src[start:end])
	}
	return slices.Concat(src[:at], []byte(text), src[at+len(b.Fixed):]), nil
}

// lineOffset returns the offset where line n, from 1, starts.
func lineOffset(src []byte, n int) (int, bool) {
	at := 0
	for ; n > 1; n-- {
		i := bytes.IndexByte(src[at:], '\n')
		if i < 0 {
			return 0, false
		}
		at += i + 1
	}
	return at, at < len(src)
}
