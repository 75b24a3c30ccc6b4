package main

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/runner"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// The state of the action is one directory, with the store of outcomes and the memory of
// searches. It is restored from the actions cache before the work. The step's second part, which
// runs after the job's other steps, saves it if something was learned.

const (
	changedFile = "changed" // exists if there is something to save
	cachePrefix = "regreen-state-v1-"
)

// odd matches the characters to avoid in cache keys and directory names.
var odd = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// stateDir returns the state directory of this step, which is the same in both its parts.
func (s *step) stateDir() string {
	temp := s.getenv("RUNNER_TEMP")
	if temp == "" {
		temp = os.TempDir()
	}
	return filepath.Join(temp, "regreen-state-"+odd.ReplaceAllString(s.getenv("GITHUB_ACTION"), "_"))
}

// recall restores the state of earlier runs, and returns its directory. If it cannot, work is
// repeated at worst.
func (s *step) recall(ctx context.Context) string {
	dir := s.stateDir()
	if err := os.MkdirAll(dir, 0o700); err != nil || !s.in.cache {
		return dir
	}
	services, err := runner.New(s.getenv, nil)
	if err == nil {
		var found string
		if found, err = restoreState(ctx, services, dir, cachePrefix); err == nil && found != "" {
			s.action.Infof("regreen: restored learned outcomes from the cache %s", line(found))
		}
	}
	if err != nil && ctx.Err() == nil {
		s.action.Infof("regreen: cannot restore from the actions cache: %s", line(usererr.OneLine(err)))
	}
	return dir
}

// keep writes the memory, and marks the state to be saved by the second part of the step.
func (s *step) keep(m *memory, dir string) error {
	return errors.Join(m.write(dir), os.WriteFile(filepath.Join(dir, changedFile), nil, 0o600))
}

// after is the second part of the step: it saves the state. If it cannot, the job does not fail.
func (s *step) after(ctx context.Context) error {
	dir := s.stateDir()
	if _, err := os.Stat(filepath.Join(dir, changedFile)); err != nil || !s.in.cache {
		return nil
	}
	services, err := runner.New(s.getenv, nil)
	if err == nil {
		unique := odd.ReplaceAllString(s.id()+"."+s.in.flags.Shard, "_")
		err = saveState(ctx, services, dir, cachePrefix, unique, map[string]mergeFile{memoryFile: mergeMemory})
	}
	if err != nil && ctx.Err() == nil {
		s.action.Warningf("regreen: cannot save learned outcomes in the actions cache: %s", line(usererr.OneLine(err)))
	}
	return ctx.Err()
}

// learnKept records that a user had a patch committed, the strongest evidence for it.
func (s *step) learnKept(ctx context.Context, rep *report.Report, p *report.Patch) {
	dir := s.recall(ctx)
	err := func() error {
		store, err := s.store(dir)
		if err != nil {
			return err
		}
		err = store.Record(ctx, repair.Aftermath(rep, []*report.Patch{p}, learn.Kept, time.Now()))
		return errors.Join(err, store.Close())
	}()
	if err == nil {
		err = s.keep(readMemory(dir), dir)
	}
	if err != nil {
		s.action.Infof("regreen: cannot record that the patch was accepted: %s", line(usererr.OneLine(err)))
	}
}

// store opens the store of outcomes when there is no checkout: the server in the input or the
// environment, or else the file in the state directory.
func (s *step) store(dir string) (learn.Store, error) {
	value := cmp.Or(s.in.flags.Store, s.getenv("REGREEN_STORE"))
	if !learn.IsServer(value) {
		return learn.OpenSQLite(filepath.Join(dir, stateStore), learn.SQLiteOptions{})
	}
	server, err := learn.ParseServer(value)
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(s.getenv("GITHUB_SERVER_URL")); err == nil && server.Namespace == "" { // the same as from a checkout's remote
		server.Namespace = strings.ToLower(u.Hostname()) + "/" + s.getenv("GITHUB_REPOSITORY")
	}
	return learn.OpenRedis(server, learn.RedisOptions{})
}
