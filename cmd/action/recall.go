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

// What outlives a throwaway machine is one folder: the store of outcomes, and the memory
// of searches. It is restored from the actions cache before the work, and saved by the
// step's second part, after the job's other steps, when something was learnt.

const (
	changedFile = "changed" // says that there is something to save
	cachePrefix = "regreen-state-v1-"
)

// odd are the characters that a key of a cache or a name of a folder is better without.
var odd = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// stateFolder is that of this step, the same in both parts of it.
func (s *step) stateFolder() string {
	temp := s.getenv("RUNNER_TEMP")
	if temp == "" {
		temp = os.TempDir()
	}
	return filepath.Join(temp, "regreen-state-"+odd.ReplaceAllString(s.getenv("GITHUB_ACTION"), "_"))
}

// recall restores what earlier runs have left. Without it work is done twice at worst.
func (s *step) recall(ctx context.Context) string {
	dir := s.stateFolder()
	if err := os.MkdirAll(dir, 0o700); err != nil || !s.in.cache {
		return dir
	}
	services, err := runner.New(s.getenv, nil)
	if err == nil {
		var found string
		if found, err = restoreState(ctx, services, dir, cachePrefix); err == nil && found != "" {
			s.action.Infof("regreen: what was learnt is restored from the cache %s", line(found))
		}
	}
	if err != nil && ctx.Err() == nil {
		s.action.Infof("regreen: nothing is restored from the actions cache: %s", line(usererr.OneLine(err)))
	}
	return dir
}

// keep leaves what is to be saved for the second part of the step.
func (s *step) keep(m *memory, dir string) error {
	return errors.Join(m.write(dir), os.WriteFile(filepath.Join(dir, changedFile), nil, 0o600))
}

// after is the second part of the step: it saves what was learnt. That it cannot is no
// failure of the job.
func (s *step) after(ctx context.Context) error {
	dir := s.stateFolder()
	if _, err := os.Stat(filepath.Join(dir, changedFile)); err != nil || !s.in.cache {
		return nil
	}
	services, err := runner.New(s.getenv, nil)
	if err == nil {
		unique := odd.ReplaceAllString(s.id()+"."+s.in.flags.Shard, "_")
		err = saveState(ctx, services, dir, cachePrefix, unique, map[string]mergeFile{memoryFile: mergeMemory})
	}
	if err != nil && ctx.Err() == nil {
		s.action.Warningf("regreen: what was learnt is not saved in the actions cache: %s", line(usererr.OneLine(err)))
	}
	return ctx.Err()
}

// learnKept records that a person had a patch committed, the strongest word for it that
// there is.
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
		s.action.Infof("regreen: that the patch was taken is not learnt: %s", line(usererr.OneLine(err)))
	}
}

// store is where outcomes are kept when there is no checkout: in the server that the input
// or the environment names, else in the state folder.
func (s *step) store(dir string) (learn.Store, error) {
	value := cmp.Or(s.in.flags.Store, s.getenv("REGREEN_STORE"))
	if !learn.IsServer(value) {
		return learn.OpenSQLite(filepath.Join(dir, stateStore), learn.SQLiteOptions{})
	}
	server, err := learn.ParseServer(value)
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(s.getenv("GITHUB_SERVER_URL")); err == nil && server.Namespace == "" { // as a checkout's remote tells it
		server.Namespace = strings.ToLower(u.Hostname()) + "/" + s.getenv("GITHUB_REPOSITORY")
	}
	return learn.OpenRedis(server, learn.RedisOptions{})
}
