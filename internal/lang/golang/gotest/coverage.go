package gotest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"

	"golang.org/x/tools/cover"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// ReadProfile parses a profile of go test -coverprofile. Files keep their names: import path
// and file name.
func ReadProfile(b []byte) ([]testrun.Block, error) {
	profiles, err := cover.ParseProfilesFromReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("coverage profile: %w", err)
	}
	var blocks []testrun.Block
	for _, p := range profiles {
		for _, b := range p.Blocks {
			blocks = append(blocks, testrun.Block{
				File: p.FileName, StartLine: b.StartLine, StartCol: b.StartCol, EndLine: b.EndLine, EndCol: b.EndCol, Count: b.Count,
			})
		}
	}
	return blocks, nil
}

// Coverage reads a profile and returns the blocks of the tree's files.
func (s *Suite) Coverage(ctx context.Context, file string) ([]testrun.Block, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("coverage profile: %w", err)
	}
	blocks, err := ReadProfile(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	all, err := s.Packages(ctx)
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{}
	for i := range all {
		dirs[all[i].ImportPath] = all[i].Dir
	}
	inTree := blocks[:0]
	for _, b := range blocks {
		if dir, ok := dirs[path.Dir(b.File)]; ok {
			b.File = path.Join(dir, path.Base(b.File))
			inTree = append(inTree, b)
		}
	}
	return inTree, nil
}
