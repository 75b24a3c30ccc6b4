package gotest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/regreen-ci/regreen/internal/testrun"
)

// place puts the files of a request in place for a run: into an overlay, or into the tree, which
// then nothing else uses. Call done, more than once if that is convenient, when the run is over.
func (s *Suite) place(ctx context.Context, req testrun.Request) (over overlay, done func() error, err error) {
	if !req.OnDisk || len(req.Overlay) == 0 {
		over, err := s.layOver(req.Overlay, nil)
		if err != nil {
			return overlay{}, nil, err
		}
		s.disk.RLock()
		return over, sync.OnceValue(func() error {
			s.disk.RUnlock()
			over.remove()
			return nil
		}), nil
	}
	if _, err := s.Packages(ctx); err != nil && s.Command == nil { // they are listed once, without the files
		return overlay{}, nil, err
	}
	s.disk.Lock()
	// The go command goes by content, and by the times of files that tests read. But a command may
	// run make.
	made := s.Command != nil
	if made {
		time.Sleep(tick)
	}
	undo, err := testrun.WriteOnto(s.Root, req.Overlay, !made)
	if err != nil {
		s.disk.Unlock()
		return overlay{}, nil, err
	}
	return overlay{}, sync.OnceValue(func() error {
		defer s.disk.Unlock()
		if err := undo(); err != nil {
			return fmt.Errorf("put the tree back: %w", err)
		}
		return nil
	}), nil
}

// tick is longer than the resolution of file times.
const tick = 20 * time.Millisecond
