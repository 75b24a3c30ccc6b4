package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/bench/seeded"
	"github.com/regreen-ci/regreen/internal/propose"
)

// naive is the obvious way to test candidates: write the candidate to a copy of the module,
// run go test, restore the file.
type naive struct {
	subject *subject
	root    string        // of the copy, which is used by nothing else
	timeout time.Duration // of the tests
	flags   []string      // additional flags of go test
}

// outcome is the result of go test for a candidate.
type outcome string

const (
	passes  outcome = "passes"
	fails   outcome = "fails"
	unbuilt outcome = "does not compile"
)

// newNaive makes a copy of the module for a loop.
func (b *bench) newNaive(s *subject, timeout time.Duration, flags ...string) (*naive, error) {
	root, err := os.MkdirTemp(b.modules.Temp, s.bug.ID+"-naive-")
	if err != nil {
		return nil, err
	}
	return &naive{s, root, timeout, flags}, seeded.CopyTree(s.suite.Root, root)
}

// failing runs the failing tests with a candidate, or with the unchanged code if c is nil.
func (n *naive) failing(ctx context.Context, c *propose.Candidate) (outcome, error) {
	var tests []string
	for _, id := range n.subject.target.Tests() {
		if top := regexp.QuoteMeta(id.Top()); !slices.Contains(tests, top) {
			tests = append(tests, top)
		}
	}
	return n.try(ctx, c, "-run=^("+strings.Join(tests, "|")+")$", "./"+n.subject.dir)
}

// all runs all tests of the packages whose tests screening runs.
func (n *naive) all(ctx context.Context, c *propose.Candidate) (outcome, error) {
	dirs := []string{"./" + n.subject.dir}
	if own := "./" + path.Dir(n.subject.bug.File); own != dirs[0] {
		dirs = append(dirs, own)
	}
	return n.try(ctx, c, dirs...)
}

func (n *naive) try(ctx context.Context, c *propose.Candidate, args ...string) (outcome, error) {
	if c == nil {
		return n.test(ctx, args)
	}
	tree := n.subject.tree()
	files, err := c.Files(tree.Tree)
	if err != nil {
		return "", err
	}
	var what outcome
	if err = n.write(files); err == nil {
		what, err = n.test(ctx, args)
	}
	for name := range files {
		old, readErr := tree.Read(name)
		if readErr == nil {
			readErr = n.write(map[string][]byte{name: old})
		}
		err = errors.Join(err, readErr)
	}
	return what, err
}

func (n *naive) write(files map[string][]byte) error {
	for name, src := range files {
		if err := os.WriteFile(filepath.Join(n.root, filepath.FromSlash(name)), src, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// mostMemory limits the address space of a candidate, in KiB, so that one that keeps
// allocating cannot bring down the machine.
const mostMemory = 8 << 20

func (n *naive) test(ctx context.Context, args []string) (outcome, error) {
	args = slices.Concat([]string{"-c", fmt.Sprintf(`ulimit -v %d; exec "$@"`, mostMemory), "sh", "go", "test", "-timeout=" + n.timeout.String()}, n.flags, args)
	out, err := seeded.Command(ctx, n.root, "sh", args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case bytes.Contains(out, []byte("no tests to run")):
		return "", errors.New("go test ran no test")
	case err == nil:
		return passes, nil
	case !errors.As(err, &exit):
		return "", err
	case bytes.Contains(out, []byte(" [build failed]")):
		return unbuilt, nil
	case bytes.Contains(out, []byte("\nFAIL\t")):
		return fails, nil
	}
	return "", fmt.Errorf("go test: %w: %s", err, out[:min(len(out), 500)])
}
