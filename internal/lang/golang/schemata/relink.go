package schemata

import (
	"context"
	"errors"
	"slices"

	"github.com/regreen-ci/regreen/internal/lang/golang/gotest"
	"github.com/regreen-ci/regreen/internal/testrun"
	"github.com/regreen-ci/regreen/internal/validate"
)

// leastRelinked is how many candidates are worth relinking: asking the go command first takes
// as long as three or four builds save.
const leastRelinked = 4

// relinker prepares builds of the target's package without the go command. It returns nil if
// that is impossible or not worth it; the go command can always build.
func (s *Screener) relinker(ctx context.Context, target validate.Target, candidates int) *gotest.Relinker {
	if candidates < leastRelinked || slices.ContainsFunc(target.Tests(), func(id testrun.TestID) bool { return id.Package != target.Package }) {
		return nil
	}
	r, err := s.opt.Suite.Relinker(ctx, target.Package, gotest.BuildOptions{NoVet: true, Overlay: s.opt.Tree.Overlay})
	if err != nil {
		s.opt.Log.Debug("cannot relink", "package", target.Package, "error", err)
		return nil
	}
	return r
}

// relinked returns the failures of a request for one package. An error means that the go
// command must build it.
func relinked(ctx context.Context, relinker *gotest.Relinker, request testrun.Request) ([]testrun.Failure, error) {
	binary, err := relinker.Build(ctx, request.Overlay)
	var build *gotest.BuildError
	if errors.As(err, &build) {
		return []testrun.Failure{build.Failure()}, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = binary.Remove() }()
	result, err := binary.Test(ctx, request)
	if err != nil {
		return nil, err
	}
	return result.Failures, nil
}
