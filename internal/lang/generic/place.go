package generic

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/resultfile"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// places maps places in the output of a run to places in the tree.
type places struct {
	prefixes []string // of paths in the directory of the run, the longest first
	files    *resultfile.Tree
}

// places returns the places of a run in dir: the tree or a copy of it.
func (s *suite) places(dir string) places {
	p := places{files: s.files}
	for _, root := range []string{dir, s.root} {
		for _, root := range []string{root, resolved(root)} {
			prefix := strings.TrimSuffix(root, string(filepath.Separator)) + string(filepath.Separator)
			p.prefixes = append(p.prefixes, "file://"+prefix, prefix)
		}
	}
	slices.SortFunc(p.prefixes, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) })
	p.prefixes = slices.Compact(p.prefixes)
	return p
}

// resolved returns a directory with symbolic links resolved.
func resolved(dir string) string {
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		return target
	}
	return dir
}

// shorten makes the paths in text relative to the tree: test IDs must not depend on the path
// of a copy, and users need not see it.
func (p places) shorten(text string) string {
	for _, prefix := range p.prefixes {
		text = strings.ReplaceAll(text, prefix, "")
	}
	return text
}

// file returns the file of the tree that a name means, or "".
func (p places) file(name string) string {
	return p.files.Locate(p.shorten(name))
}

var (
	// caller matches the function that JavaScript and Java write before a place.
	caller = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[ \t#]*(?:at )?(?:async |new )?([\w$.<>\[\]#]+)(?: \[as [^\]\n]*\])? ?\($`)
	})
	// inFunc matches the function that Python writes after a place.
	inFunc = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:,|:) in ([\w.<>]+)`) })
	// stack matches the start of Node's stack: a key in TAP, the cause in JUnit XML.
	stack = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^stack:|^  failureType: .*\n  cause: `) })
)

// frames returns the places of the tree that text names, the innermost call first. Python
// writes the innermost call last.
func (p places) frames(text string) []testrun.Frame {
	const most, maxCaller = 50, 300
	if at := stack().FindStringIndex(text); at != nil {
		text = text[at[1]:]
	}
	var frames []testrun.Frame
	python := false
	for _, place := range resultfile.Places(text) {
		f := testrun.Frame{Location: testrun.Location{File: p.file(place.Name), Line: place.Line}}
		if f.File == "" || len(frames) > 0 && frames[len(frames)-1].Location == f.Location {
			continue
		}
		line := text[max(place.Start-maxCaller, 0):place.Start]
		if m := caller().FindStringSubmatch(line[strings.LastIndexByte(line, '\n')+1:]); m != nil {
			f.Func = m[1]
		} else if m := inFunc().FindStringSubmatch(text[place.End:]); m != nil {
			f.Func = m[1]
		}
		python = python || strings.HasSuffix(f.File, ".py")
		frames = append(frames, f)
	}
	if python {
		slices.Reverse(frames)
	}
	return frames[:min(len(frames), most)]
}

// failure returns a test of the results as a failure of the tree. If the test passed, only
// its ID is set.
func (p places) failure(t *resultfile.Test) testrun.Failure {
	id := testrun.TestID{Package: p.shorten(t.Package), Test: p.shorten(t.Test)}
	if strings.Contains(id.Test, ".") && p.files.Find(id.Test) == id.Test {
		id = testrun.TestID{Package: id.Test} // Node: a file that ended before its tests did
	}
	if t.Failure == nil {
		return testrun.Failure{TestID: id}
	}
	f := *t.Failure
	f.TestID = id
	f.Message = testrun.OneLine(p.shorten(f.Message))
	f.Output = p.shorten(f.Output)
	if !slices.Contains(testrun.Kinds, f.Kind) || id.Test == "" && f.Kind == testrun.Assertion {
		f.Kind = testrun.Setup
	}
	if len(f.Frames) == 0 {
		f.Frames = p.frames(f.Output)
	}
	f.Location = p.at(&f, t.Location)
	return f
}

// at returns the place of a failure: for an assertion the line of the test that makes it,
// otherwise the line where it happened. Declared is where the test begins, if that is known.
func (p places) at(f *testrun.Failure, declared testrun.Location) testrun.Location {
	declared.File = p.file(declared.File)
	if f.Kind == testrun.Assertion {
		for _, of := range []func(file string) bool{func(file string) bool { return file == declared.File }, testCode} {
			i := slices.IndexFunc(f.Frames, func(frame testrun.Frame) bool { return of(frame.File) })
			if i >= 0 {
				return f.Frames[i].Location
			}
		}
	} else if len(f.Frames) > 0 {
		return f.Frames[0].Location
	}
	if file := p.file(f.File); file != "" {
		return testrun.Location{File: file, Line: f.Line, Column: f.Column}
	}
	if declared.File != "" {
		return declared
	}
	return testrun.Location{}
}
