package gotest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// buildOutput is what the go command says about one package that does not build.
type buildOutput struct {
	pkg       string // import path; empty for what is before the first header
	text      string
	vet       bool // the first position is go vet's, not the compiler's
	positions []testrun.Position
}

var (
	buildHeader = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^# (\S+)(?: \[(\S+)\.test\])?$`) })
	vetHeader   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^# \[\S+\]$`) })
	// buildPlace is "x.go:3:5: message"; vet may put its name in front.
	buildPlace = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:vet: )?(\S[^:]*\.[A-Za-z]+|[A-Za-z]:\\[^:]*\.[A-Za-z]+):(\d+)(?::(\d+))?: (.*)$`)
	})
)

// parseBuild splits the text of a failed build by package. Relative file names are
// relative to dir, an absolute directory. A package and its variant for a test say
// the same twice; it is kept once.
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
	var last *testrun.Position // continues with lines that are indented
	repeated := false          // the last message is known already
	vetting := false           // the messages are go vet's
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
				// Vet also repeats the type checker's errors, under its name.
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

// testedPackage is the package that a build is about: an external test package
// and a test's main package belong to the package that they test.
func testedPackage(built, variant string) string {
	if variant != "" && built == variant+"_test" {
		return variant
	}
	return strings.TrimSuffix(built, ".test")
}

// failure is the failure of the package to build.
func (o buildOutput) failure(t tree) testrun.Failure {
	f := testrun.Failure{TestID: testrun.TestID{Package: o.pkg}, Kind: testrun.Compile, Positions: o.positions}
	var c testrun.Capped
	c.Write([]byte(t.shorten(o.text)))
	f.Output, f.Truncated = c.Text()
	f.Message = testrun.OneLine(f.Output) // such as an import cycle, which takes several lines
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
