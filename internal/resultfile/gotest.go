package resultfile

import (
	"errors"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/testrun"
)

// readGoTest reads the events of go test -json. The go command also writes other lines; of
// these it uses only errors of the build.
func readGoTest(in *input, f *File, opt Options) error {
	replay := gotest.NewReplay(opt.Root, opt.Modules, opt.elsewhere)
	err := in.each(func(n int, line []byte) error {
		other, e, ok := gotest.ParseEvent(line)
		if !ok || len(other) > 0 {
			replay.Other(other)
		}
		if !ok {
			return nil
		}
		replay.Add(e)
		if replay.Len() > MaxTests {
			return fault(n, "split it into files with fewer tests", "more than %d tests", MaxTests)
		}
		return nil
	})
	if err != nil {
		return err
	}
	outcomes, wrong := replay.Outcomes()
	type run struct {
		testKey
		process int
	}
	at := map[run]int{} // the attempts of a process, which are one: it may run a test several times
	for _, o := range outcomes {
		a := attempt{pkg: o.Package, test: o.Test, seconds: max(o.Seconds, 0), status: failed, repeat: runs, process: o.Process}
		switch o.Action {
		case "pass":
			a.status = passed
		case "skip":
			a.status = skipped
		default:
			a.detail = goDetail(o.Failure)
		}
		k := run{testKey{a.pkg, a.test}, a.process}
		if i, ok := at[k]; ok {
			before := &f.attempts[i]
			before.more++
			if a.status == failed && before.status != failed {
				before.status, before.detail, before.seconds = a.status, a.detail, a.seconds
			}
			continue
		}
		at[k] = len(f.attempts)
		if err := f.add(a, 0); err != nil {
			return err
		}
	}
	var notRun *testrun.NotRunError
	if errors.As(wrong, &notRun) {
		return f.add(attempt{pkg: notRun.Where, status: failed, detail: &detail{
			kind: string(testrun.Setup), message: testrun.OneLine(notRun.What), output: notRun.Output,
		}}, 0)
	}
	return wrong
}

func goDetail(t *testrun.Failure) *detail {
	if t == nil {
		return &detail{kind: unknown}
	}
	return &detail{
		kind: string(t.Kind), message: t.Message, output: t.Output, truncated: t.Truncated, file: t.File, line: t.Line,
		frames: t.Frames,
	}
}
