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
	options    gotest.BuildOptions // that it was built with
	timeout    time.Duration
	pooled     bool          // it can try many mutants in one process
	notPooled  map[int]bool  // mutants that cannot be tried so
	functions  map[int][]int // a function, by its first mutant -> its mutants
	valueSites map[int]int   // the value site of a mutant
	blind      bool          // what runs before a pool begins is not compared
	probes     map[string][]stretch
}

// maxRebuilds bounds how often a build is tried again without the mutants that the
// compiler refused although the type check let them pass.
const maxRebuilds = 20

// build writes and builds the metamutant; what cannot be in it comes back. b.meta stays
// nil where nothing can.
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
			return b.together()
		}
		var build *gotest.BuildError
		if ctx.Err() != nil || !errors.As(err, &build) {
			s.opt.Log.Debug("metamutant not built", "package", b.target.Package, "error", err)
			return b.together()
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
			s.opt.Log.Debug("metamutant does not compile at places of no mutant", "package", b.target.Package, "error", build, "output", build.Output)
			return b.together()
		}
	}
	return b.together()
}

// source writes the metamutant's source into the overlay of a build. There is no overlay
// where no mutant is in it; rest are those that are not.
func (b *batch) source(ctx context.Context, ownCopy map[int]bool) (w *writer, options gotest.BuildOptions, rest []mutant) {
	s := b.s
	options = gotest.BuildOptions{NoVet: true, Flags: []string{"-ldflags=-s -w"}}
	if !s.pool.off.Load() {
		options.System = s.pooling(ctx)
	}
	w = newWriter(options.System != nil, ownCopy)
	w.indirect, w.probed = s.indirect, s.reach.knows
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
		// Inlining makes large packages of mutants slow to compile (by minutes where
		// there are many closures) and gains little in one short run; what only a
		// debugger reads is a tenth of the time. All errors are wanted, not the
		// first ten.
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

// maxChecks bounds how often a package is written anew without what was refused.
const maxChecks = 6

// writeTyped writes the mutants of a package and takes those out that do not parse or
// type-check: it is quicker to check all of them at once, where they stand, than each
// by itself. An error that is on no mutant's own lines, a return that is missing for
// instance, may be any one's of its copy of the function: these get copies of their own
// for the next check, which decides, and share one again afterwards. Ill-typed for
// another reason than those of its own lines (a declaration that it leaves unused) comes
// out when it is confirmed.
func (b *batch) writeTyped(w *writer, pkg *source.Package) (files map[string][]byte, rest []mutant) {
	apart := make(map[int]bool) // were given copies of their own to find out which is ill-typed
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
		together := make(map[int]bool) // those of them that turned out well
		for id, once := range apart {
			if once && w.ownCopy[id] {
				together[id] = true
			}
		}
		for _, e := range pkg.CheckAdded(added, selectorDecls+w.valueFuncDecls()) {
			at := w.at(e.File, e.Line+w.added[e.File].line-1)
			if len(at) == 1 {
				refused[at[0]], again = e.Message, true
			}
			for _, id := range at {
				if len(at) > 1 {
					_, before := apart[id] // then only together are they ill-typed, and stay apart
					w.ownCopy[id], apart[id], again = true, !before, true
				}
				delete(together, id)
			}
		}
		for id := range together {
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

// refuse takes mutants of a package out that do not compile.
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

// dropRefused takes the mutants out that the compiler named: by the place of an
// error, or, where that is elsewhere (an initialization cycle), in its words. Where
// it may be any one's of a copy, each gets a copy of its own.
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
				suspect(w.inCopy(id), "makes an initialization cycle")
			}
		}
	}
	for dir := range b.byDir {
		b.refuse(dir, validate.StageScreen, refused)
	}
	return changed
}

// baseline runs the binary as the code stands: it must fail as before, and the
// time it takes says how long a mutant may.
func (b *batch) baseline(ctx context.Context, binary *gotest.Binary) (time.Duration, error) {
	res, err := binary.Run(ctx, gotest.BinaryRun{Tests: b.target.Tests(), Timeout: time.Minute})
	if err != nil {
		return 0, err
	}
	if res.Passed {
		return 0, errors.New("the failing tests pass in it although nothing was changed")
	}
	// Ten times as long and a little more: enough for a busy machine, little for
	// an endless loop.
	return min(10*time.Duration(res.Seconds*float64(time.Second))+time.Second/2, time.Minute), nil
}
