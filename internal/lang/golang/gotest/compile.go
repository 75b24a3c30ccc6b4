package gotest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// buildOutput is the output of the go command about one package that does not build.
type buildOutput struct {
	pkg       string // import path; empty for output before the first header
	text      string
	vet       bool // the first position is from go vet, not the compiler
	positions []testrun.Position
}

var (
	buildHeader = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^# (\S+)(?: \[(\S+)\.test\])?$`) })
	vetHeader   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^# \[\S+\]$`) })
	// buildPlace matches "x.go:3:5: message", with "vet: " in front if vet says so.
	buildPlace = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:vet: )?(\S[^:]*\.[A-Za-z]+|[A-Za-z]:\\[^:]*\.[A-Za-z]+):(\d+)(?::(\d+))?: (.*)$`)
	})
)

// parseBuild splits the output of a failed build by package. File names may be relative to
// dir, an absolute directory. A message that a package and its test variant repeat is kept
// once.
func (t tree) parseBuild(text, dir string) []buildOutput {
	var all []buildOutput
	at := -1
	section := func(pkg string) {
		at = slices.IndexFunc(all, func(o buildOutput) bool { return o.pkg == pkg })
		if at < 0 {
			at = len(all)
			all = append(all, buildOutput{pkg: pkg})
		}
	}
	var last *testrun.Position // gets the indented lines that follow
	repeated := false          // the last message is already known
	vetting := false           // the messages are from go vet
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := buildHeader().FindStringSubmatch(line); m != nil && !vetHeader().MatchString(line) {
			section(testedPackage(m[1], m[2]))
			last, repeated, vetting = nil, false, false
			continue
		}
		if at < 0 {
			if strings.TrimSpace(line) == "" {
				continue
			}
			section("")
		}
		o := &all[at]
		if vetHeader().MatchString(line) {
			vetting = true
			continue
		}
		if m := buildPlace().FindStringSubmatch(line); m != nil {
			p := testrun.Position{Message: m[4]}
			p.File = t.file(m[1], dir)
			p.Line, _ = strconv.Atoi(m[2])
			p.Column, _ = strconv.Atoi(m[3])
			if p.File == "" {
				p.Location = testrun.Location{}
			} else {
				line = strings.Replace(line, m[1], p.File, 1)
			}
			repeated = slices.ContainsFunc(o.positions, func(known testrun.Position) bool {
				return known.Location == p.Location && testrun.FirstLine(known.Message) == testrun.FirstLine(p.Message)
			})
			if !repeated {
				// Vet also repeats errors of the type checker, after "vet: ".
				o.vet = o.vet || vetting && len(o.positions) == 0 && !strings.HasPrefix(line, "vet: ")
				o.positions = append(o.positions, p)
				last = &o.positions[len(o.positions)-1]
			}
		} else if line != "" && (line[0] == '\t' || line[0] == ' ') {
			if last != nil && !repeated {
				last.Message += "\n" + line
			}
		} else {
			last, repeated = nil, false
		}
		if repeated {
			continue
		}
		o.text += line + "\n"
	}
	return all
}

// testedPackage returns the package that a build belongs to: for an external test package
// and for the main package of a test, that is the package under test.
func testedPackage(built, variant string) string {
	if variant != "" && built == variant+"_test" {
		return variant
	}
	return strings.TrimSuffix(built, ".test")
}

// failure returns the failure of a package that does not build.
func (o buildOutput) failure(t tree) testrun.Failure {
	f := testrun.Failure{TestID: testrun.TestID{Package: o.pkg}, Kind: testrun.Compile, Positions: o.positions}
	var c testrun.Capped
	c.Write([]byte(t.shorten(o.text)))
	f.Output, f.Truncated = c.Text()
	f.Message = testrun.OneLine(f.Output) // an import cycle takes several lines
	if len(o.positions) > 0 {
		f.Message = testrun.FirstLine(o.positions[0].Message)
		f.Location = o.positions[0].Location
		for _, p := range o.positions {
			if p.File != "" {
				f.Message, f.Location = testrun.FirstLine(p.Message), p.Location
				break
			}
		}
		f.Message = strings.TrimSuffix(f.Message, "; to add it:")
	}
	if o.vet {
		f.Message = "vet: " + f.Message
	}
	if f.Message == "" {
		f.Message = "does not build"
	}
	return f
}
