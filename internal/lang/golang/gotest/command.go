package gotest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// String returns the test command as a user would type it.
func (s *Suite) String() string {
	if s.Command != nil {
		return s.Command[len(s.Command)-1]
	}
	words := append([]string{"go", "test"}, s.Flags...)
	if s.Patterns == nil {
		return strings.Join(append(words, "./..."), " ")
	}
	return strings.Join(append(words, s.Patterns...), " ")
}

// runCommand runs the suite's command. If it fails, go test finds out which tests fail. If go
// test finds none, the command as a whole is the failure.
func (s *Suite) runCommand(ctx context.Context, req testrun.Request, over overlay) (*testrun.Result, error) {
	timeout := s.timeout(req)
	began := time.Now()
	late := req.Within > 0 && (timeout == 0 || req.Within < timeout)
	if late {
		timeout = req.Within
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	if timeout == 0 {
		limited, cancel = context.WithCancel(ctx)
	}
	defer cancel()
	var env []string
	for _, flag := range over.flags() {
		env = append(env, "GOFLAGS="+strings.TrimSpace(s.Sandbox.Getenv("GOFLAGS")+" "+flag))
	}
	// A command that prints without end runs into its timeout; most of its output is dropped.
	var output testrun.Capped
	status, err := s.Sandbox.Run(limited, testrun.Command{
		Args: s.Command, Dir: s.Root, Env: env, Stdout: &output, Stderr: &output, Grace: testrun.Grace, Sweep: true, Build: true,
	})
	text, left := output.Text()
	expired := limited.Err() != nil && ctx.Err() == nil
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("tests: %w", context.Cause(ctx))
	case expired && late:
		return &testrun.Result{Late: s.untested(ctx, nil, nil)}, nil
	case expired:
	case err != nil:
		return nil, testrun.NotStarted(err)
	case status == 0:
		return &testrun.Result{}, nil
	case status == 126 || status == 127:
		return nil, &testrun.NotRunError{What: "cannot run the test command: " + testrun.LastLine(text), Where: s.String(), Advice: "check that it is installed and in PATH", Output: text}
	}
	if len(s.Modules) > 0 {
		if late {
			req.Within = max(req.Within-time.Since(began), time.Second)
		}
		result, err := s.runGo(ctx, req, over)
		var notRun *testrun.NotRunError
		if err != nil && !errors.As(err, &notRun) {
			return nil, err
		}
		if err == nil && len(result.Failures) > 0 {
			return result, nil
		}
	}
	f := testrun.Failure{Kind: testrun.Setup, Output: s.tree(over).shorten(text), Truncated: left}
	f.Message = fmt.Sprintf("`%s` exited %d", s, status)
	if status < 0 {
		f.Message = fmt.Sprintf("`%s` was killed by a signal", s)
	}
	if expired {
		f.Kind, f.Message = testrun.Timeout, fmt.Sprintf("`%s` did not end within %s", s, timeout)
	}
	if len(s.Modules) > 0 {
		f.Message += " although go test ./... passes"
	} else if last := testrun.LastLine(f.Output); last != "" {
		f.Message += ": " + last
	}
	return &testrun.Result{Failures: []testrun.Failure{f}}, nil
}
