package schemata

import (
	"context"
	"errors"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/lang/golang/source"
	"github.com/regreen-ci/regreen/internal/validate"
)

// metamutant is a test program with many mutants in it.
type metamutant struct {
	binary     *gotest.Binary
	options    gotest.BuildOptions // the options that it was built with
	timeout    time.Duration
	pooled     bool          // it can run many mutants in one process
	notPooled  map[int]bool  // mutants that a pool cannot run
	functions  map[int][]int // first mutant of a function -> its mutants
	valueSites map[int]int   // mutant -> its value site
	skipsStart bool          // values are not compared before a pool begins
	probes     map[string][]stretch
}

// maxRebuilds bounds how often a build is repeated without mutants that the compiler refused
// although the type check accepted them.
const maxRebuilds = 20

// build writes and builds the metamutant, and returns the mutants that cannot be in it.
// b.meta stays nil if none can.
func (b *batch) build(ctx context.Context) (rest []mutant) {
	s := b.s
	ownCopy := make(map[int]bool)
	for range maxRebuilds {
		w, options, rest := b.source(ctx, ownCopy)
		if options.Overlay == nil {
			return rest
		}
		start := time.Now()
		binary, err := s.opt.Suite.Build(ctx, b.target.Package, options)
		b.spent.Build += time.Since(start).Seconds()
		if err == nil {
			meta := w.metamutant(binary, options)
			if meta.timeout, err = b.baseline(ctx, binary); err == nil {
				b.meta = meta
				return rest
			}
			_ = binary.Remove()
			s.opt.Log.Debug("metamutant not usable", "package", b.target.Package, "error", err)
			return b.shared()
		}
		var build *gotest.BuildError
		if ctx.Err() != nil || !errors.As(err, &build) {
			s.opt.Log.Debug("metamutant not built", "package", b.target.Package, "error", err)
			return b.shared()
		}
		if !s.indirect && strings.Contains(build.Output, "initialization cycle") {
			s.indirect = true
			continue
		}
		if !b.dropRefused(w, build) {
			if w.pooled { // the code under repair may be part of the standard library
				s.noPool("it does not build", "package", b.target.Package, "error", build)
				continue
			}
			s.opt.Log.Debug("metamutant does not compile outside of mutants", "package", b.target.Package, "error", build, "output", build.Output)
			return b.shared()
		}
	}
	return b.shared()
}

// source writes the metamutant's source into the overlay of a build. The overlay is nil if no
// mutant can be in it. rest are the mutants that are not in it.
func (b *batch) source(ctx context.Context, ownCopy map[int]bool) (w *writer, options gotest.BuildOptions, rest []mutant) {
	s := b.s
	options = gotest.BuildOptions{NoVet: true, Flags: []string{"-ldflags=-s -w"}}
	if !s.pool.off.Load() {
		options.System = s.pooling(ctx)
	}
	w = newWriter(options.System != nil, ownCopy)
	w.indirect, w.probed = s.indirect, s.probes.cover
	overlay := maps.Clone(s.opt.Tree.Overlay)
	if overlay == nil {
		overlay = make(map[string][]byte)
	}
	n := 0
	for _, dir := range b.dirs {
		pkg, err := s.opt.Tree.Load(ctx, dir)
		if err != nil {
			rest = append(rest, b.byDir[dir]...)
			continue
		}
		if pkg.Path == b.target.Package && !s.runsEarly(dir) {
			w.settable[dir] = true
		}
		start := time.Now()
		files, left := b.writeTyped(w, pkg)
		b.spent.TypeCheck += time.Since(start).Seconds()
		rest = append(rest, left...)
		n += len(b.byDir[dir]) - len(left)
		maps.Copy(overlay, files)
		// Inlining makes large packages of mutants slow to compile (by minutes, with many
		// closures) and gains little in one short run. Debug information takes a tenth of
		// the time. -e reports all errors, not just ten.
		options.Flags = append(options.Flags, "-gcflags="+pkg.Path+"=-l -e -dwarf=false")
	}
	if n > 0 {
		options.Overlay = overlay
	}
	return w, options, rest
}

var earlyFunction = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^func (init|TestMain)\(`) })

// runsEarly reports whether functions of a package, or of its tests, run before the tests.
func (s *Screener) runsEarly(dir string) bool {
	entries, err := os.ReadDir(filepath.Join(s.opt.Tree.Root, filepath.FromSlash(dir)))
	if err != nil {
		return true
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		src, err := s.opt.Tree.Read(path.Join(dir, e.Name()))
		if err != nil || earlyFunction().Match(src) {
			return true
		}
	}
	return false
}

// maxChecks bounds how often a package is written again without refused mutants.
const maxChecks = 6

// writeTyped writes the mutants of a package without those that do not parse or type-check.
// Checking all of them together in the written source is faster than checking each on its
// own. If an error is not on a mutant's own lines, like a missing return, any mutant of that
// copy of the function may have caused it. Each of them then gets a copy of its own for the
// next check, which decides, and shares a copy again after that. Errors elsewhere, like a
// declaration that a mutant leaves unused, are found at confirmation.
func (b *batch) writeTyped(w *writer, pkg *source.Package) (files map[string][]byte, rest []mutant) {
	// Mutants that got copies of their own to find out which is ill-typed; false means
	// that they keep them.
	apart := make(map[int]bool)
	for range maxChecks {
		var broken map[int]error
		files, rest, broken = w.write(pkg, b.byDir[pkg.Dir])
		refused := make(map[int]string)
		for id, err := range broken {
			refused[id] = err.Error()
		}
		added := make(map[string]string)
		for name := range files {
			if t := w.added[name]; t.text != "" {
				added[name] = t.text
			}
		}
		again := false
		wellTyped := make(map[int]bool) // can share a copy again
		for id, once := range apart {
			if once && w.ownCopy[id] {
				wellTyped[id] = true
			}
		}
		for _, e := range pkg.CheckAdded(added, selectorDecls+w.valueFuncDecls()) {
			at := w.at(e.File, e.Line+w.added[e.File].line-1)
			if len(at) == 1 {
				refused[at[0]], again = e.Message, true
			}
			for _, id := range at {
				if len(at) > 1 {
					_, before := apart[id] // if so, they are ill-typed only together, and stay apart
					w.ownCopy[id], apart[id], again = true, !before, true
				}
				delete(wellTyped, id)
			}
		}
		for id := range wellTyped {
			delete(w.ownCopy, id)
			again = true
		}
		b.refuse(pkg.Dir, validate.StageTypeCheck, refused)
		if !again {
			break
		}
	}
	return files, rest
}

// refuse removes mutants of a package that do not compile. refused maps them to the reason.
func (b *batch) refuse(dir, stage string, refused map[int]string) {
	b.byDir[dir] = slices.DeleteFunc(b.byDir[dir], func(m mutant) bool {
		why, ok := refused[m.ID]
		if ok {
			r := b.result(m)
			r.Verdict, r.Stage, r.Reason = validate.IllTyped, stage, why
		}
		return ok
	})
}

var copyName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\bregreen(\d+)_`) })

// dropRefused removes the mutants that the compiler refused: those at the position of an
// error, or, if no position is in a mutant (an initialization cycle), those that the messages
// name. If the error may be of any mutant of a copy, each gets a copy of its own.
func (b *batch) dropRefused(w *writer, build *gotest.BuildError) (changed bool) {
	refused := make(map[int]string)
	suspect := func(ids []int, why string) {
		if len(ids) == 1 {
			refused[ids[0]], changed = why, true
			return
		}
		for _, id := range ids {
			w.ownCopy[id], changed = true, true
		}
	}
	for _, pos := range build.Positions {
		suspect(w.at(pos.File, pos.Line), pos.Message)
	}
	if !changed {
		for _, m := range copyName().FindAllStringSubmatch(build.Output, -1) {
			if id, err := strconv.Atoi(m[1]); err == nil {
				suspect(w.inCopy(id), "causes an initialization cycle")
			}
		}
	}
	for dir := range b.byDir {
		b.refuse(dir, validate.StageScreen, refused)
	}
	return changed
}

// baseline runs the unchanged code in the binary, which must fail as before, and returns the
// timeout of a mutant.
func (b *batch) baseline(ctx context.Context, binary *gotest.Binary) (time.Duration, error) {
	log := filepath.Join(filepath.Dir(binary.Path), "testlog")
	res, err := binary.Run(ctx, gotest.BinaryRun{Tests: b.needed(), Timeout: time.Minute, TestLog: log})
	if err != nil {
		return 0, err
	}
	if reads, err := binary.Reads(log); err == nil { // a crash leaves none
		b.s.reads = reads
	}
	if res.Passed {
		return 0, errors.New("the failing tests pass in it without any change")
	}
	// Ten times as long and half a second: enough for a busy machine, and short for an
	// endless loop.
	return min(10*time.Duration(res.Seconds*float64(time.Second))+time.Second/2, time.Minute), nil
}
