package session

import (
	"github.com/regreen-ci/regreen/internal/gate"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/witness"
)

// memory remembers failures by all that they depend on.
type memory struct {
	failures *witness.Failures
	key      func(tree string) witness.Key
	blank    bool // it only records
}

// memory returns what is remembered about the tests of a configuration.
func (s *Session) memory(command string, results, languages []string) repair.Memory {
	cfg := s.Config
	cfg.Test, cfg.Results, cfg.Lang = command, results, languages
	return memory{
		failures: witness.OpenFailures(s.Repo.StateDir()), blank: s.in.Flags.NoCache,
		key: func(tree string) witness.Key { return gate.Key(s.Repo.Root(), tree, cfg, s.in.Environ) },
	}
}

func (m memory) Failures(tree string) []witness.Failure {
	if m.blank {
		return nil
	}
	return m.failures.Of(m.key(tree))
}

func (m memory) Record(tree string, failures []witness.Failure) error {
	return m.failures.Record(m.key(tree), failures)
}
