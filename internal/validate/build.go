package validate

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

	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// woven is a test binary with many candidates in it.
type woven struct {
	binary  *testrun.Binary
	options testrun.BuildOptions // that it was built with
	timeout time.Duration
	pooled  bool          // it can try many candidates in one process
	alone   map[int]bool  // candidates that cannot be tried so
	sites   map[int][]int // a function, by its first candidate -> its candidates
	picks   map[int]int   // the place at which a candidate picks a value
	blind   bool          // what runs before a pool begins is not compared
	probes  map[string][]stretch
}

// maxRebuilds bounds how often a woven build is tried again without the
// candidates that the compiler refused although the type check let them pass.
const maxRebuilds = 20

// buildWoven weaves and builds; candidates that cannot be woven come back. A nil
// binary means that none could.
func (v *Validator) buildWoven(ctx context.Context, target Target, dirs []string, byDir map[string][]pick, results []Result, spent *Spent) (*woven, []pick) {
	solo := make(map[int]bool)
	for range maxRebuilds {
		var system map[string][]byte
		if !v.pool.off.Load() {
			system = v.pooling(ctx)
		}
		w := newWeaver(system != nil, solo)
		w.indirect, w.probed = v.indirect, v.reach.knows
		overlay := maps.Clone(v.Tree.Overlay)
		if overlay == nil {
			overlay = make(map[string][]byte)
		}
		var rest []pick
		n := 0
		flags := []string{"-ldflags=-s -w"}
		for _, dir := range dirs {
			pkg, err := v.Tree.Load(ctx, dir)
			if err != nil {
				rest = append(rest, byDir[dir]...)
				continue
			}
			if pkg.Path == target.Package && !v.runsEarly(dir) {
				w.late[dir] = true
			}
			start := time.Now()
			files, left := v.weaveTyped(w, pkg, byDir, results)
			spent.TypeCheck += time.Since(start).Seconds()
			rest = append(rest, left...)
			n += len(byDir[dir]) - len(left)
			maps.Copy(overlay, files)
			// Inlining makes large woven packages slow to compile (by minutes where
			// there are many closures) and gains little in one short run; what only a
			// debugger reads is a tenth of the time. All errors are wanted, not the
			// first ten.
			flags = append(flags, "-gcflags="+pkg.Path+"=-l -e -dwarf=false")
		}
		if n == 0 {
			return nil, rest
		}
		start := time.Now()
		options := testrun.BuildOptions{Overlay: overlay, System: system, NoVet: true, Flags: flags}
		binary, err := v.Suite.Build(ctx, target.Package, options)
		spent.Build += time.Since(start).Seconds()
		if err == nil {
			wv := &woven{binary: binary, options: options, pooled: w.pooled, alone: w.alone, sites: w.sites, picks: w.picks, blind: w.indirect, probes: w.probes}
			if wv.timeout, err = v.baseline(ctx, target, binary); err == nil {
				return wv, rest
			}
			_ = binary.Remove()
			v.Log.Debug("woven binary not usable", "package", target.Package, "error", err)
			return nil, flatten(dirs, byDir)
		}
		var build *testrun.BuildError
		if ctx.Err() != nil || !errors.As(err, &build) {
			v.Log.Debug("woven build failed", "package", target.Package, "error", err)
			return nil, flatten(dirs, byDir)
		}
		if !v.indirect && strings.Contains(build.Output, "initialization cycle") {
			v.indirect = true
			continue
		}
		if !dropRefused(w, build, byDir, results) {
			if w.pooled { // the code under repair may be part of the standard library
				v.noPool("it does not build", "package", target.Package, "error", build)
				continue
			}
			v.Log.Debug("woven build failed at places of no candidate", "package", target.Package, "error", build, "output", build.Output)
			return nil, flatten(dirs, byDir)
		}
	}
	return nil, flatten(dirs, byDir)
}

var earlyFunction = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^func (init|TestMain)\(`) })

// runsEarly tells whether functions of a package, or of its tests, run before the tests.
func (v *Validator) runsEarly(dir string) bool {
	entries, err := os.ReadDir(filepath.Join(v.Tree.Root, filepath.FromSlash(dir)))
	if err != nil {
		return true
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		src, err := v.Tree.Read(path.Join(dir, e.Name()))
		if err != nil || earlyFunction().Match(src) {
			return true
		}
	}
	return false
}

// maxChecks bounds how often a package is woven anew without what was refused.
const maxChecks = 6

// weaveTyped weaves the candidates of a package and takes those out that do not
// parse or type-check: it is quicker to check all of them at once, where they
// stand, than each by itself. An error that is on no candidate's own lines, a return
// that is missing for instance, may be any of its carrier's: these get carriers of
// their own for the next check, which tells, and share one again afterwards. Ill-typed
// for another reason than those of its own lines (a declaration that it leaves unused)
// comes out when it is confirmed.
func (v *Validator) weaveTyped(w *weaver, pkg *propose.Package, byDir map[string][]pick, results []Result) (files map[string][]byte, rest []pick) {
	refuse := func(refused map[int]string) {
		byDir[pkg.Dir] = slices.DeleteFunc(byDir[pkg.Dir], func(p pick) bool {
			why, ok := refused[p.number]
			if ok {
				r := &results[p.number-1]
				r.Verdict, r.Stage, r.Reason = IllTyped, StageTypeCheck, why
			}
			return ok
		})
	}
	apart := make(map[int]bool) // were given carriers of their own to find out which is ill-typed
	for range maxChecks {
		var broken map[int]error
		files, rest, broken = w.weave(pkg, byDir[pkg.Dir])
		refused := make(map[int]string)
		for number, err := range broken {
			refused[number] = err.Error()
		}
		tails := make(map[string]string)
		for name := range files {
			if t := w.tails[name]; t.text != "" {
				tails[name] = t.text
			}
		}
		again := false
		together := make(map[int]bool) // those of them that turned out well
		for n, once := range apart {
			if once && w.solo[n] {
				together[n] = true
			}
		}
		for _, e := range pkg.CheckAdded(tails, choosingTypes+w.pickerTypes()) {
			at := w.at(e.File, e.Line+w.tails[e.File].line-1)
			if len(at) == 1 {
				refused[at[0]], again = e.Message, true
			}
			for _, n := range at {
				if len(at) > 1 {
					_, before := apart[n] // then only together are they ill-typed, and stay apart
					w.solo[n], apart[n], again = true, !before, true
				}
				delete(together, n)
			}
		}
		for n := range together {
			delete(w.solo, n)
			again = true
		}
		refuse(refused)
		if !again {
			break
		}
	}
	return files, rest
}

var carrierName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\bregreen(\d+)_`) })

// dropRefused takes the candidates out that the compiler named: by the place of an
// error, or, where that is elsewhere (an initialization cycle), in its words. Where
// it may be any of a carrier's, each gets a carrier of its own.
func dropRefused(w *weaver, build *testrun.BuildError, byDir map[string][]pick, results []Result) bool {
	refused := make(map[int]string)
	changed := false
	suspect := func(numbers []int, why string) {
		if len(numbers) == 1 {
			refused[numbers[0]], changed = why, true
			return
		}
		for _, n := range numbers {
			w.solo[n], changed = true, true
		}
	}
	for _, pos := range build.Positions {
		suspect(w.at(pos.File, pos.Line), pos.Message)
	}
	if !changed {
		for _, m := range carrierName().FindAllStringSubmatch(build.Output, -1) {
			if number, err := strconv.Atoi(m[1]); err == nil {
				suspect(w.carrying(number), "makes an initialization cycle")
			}
		}
	}
	for dir := range byDir {
		byDir[dir] = slices.DeleteFunc(byDir[dir], func(p pick) bool {
			why, ok := refused[p.number]
			if ok {
				r := &results[p.number-1]
				r.Verdict, r.Stage, r.Reason = IllTyped, StageScreen, why
			}
			return ok
		})
	}
	return changed
}

func flatten(dirs []string, byDir map[string][]pick) []pick {
	var out []pick
	for _, dir := range dirs {
		out = append(out, byDir[dir]...)
	}
	return out
}

// baseline runs the binary as the code stands: it must fail as before, and the
// time it takes says how long a candidate may.
func (v *Validator) baseline(ctx context.Context, target Target, b *testrun.Binary) (time.Duration, error) {
	res, err := b.Run(ctx, testrun.BinaryRun{Tests: target.Tests(), Timeout: time.Minute})
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
