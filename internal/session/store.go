package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// openStore sets the session's store from a --store value. The store is opened at its first use:
// after the verdict, or when a search starts.
func (s *Session) openStore(ctx context.Context, value string) error {
	path := cmp.Or(s.in.Store, filepath.Join(s.Repo.StateDir(), "learn.db"))
	shared := learn.IsServer(value)
	if value != "" && !shared {
		var err error
		if path, err = storePath(s.Repo.Root(), value); err != nil {
			return err
		}
	}
	file, err := learn.OpenSQLite(path, learn.SQLiteOptions{})
	if err != nil {
		return err
	}
	s.Store = file
	if !shared {
		return nil
	}
	server, why, err := s.server(ctx, value)
	if err != nil || why != "" {
		s.StoreWhy = why
		return err
	}
	remote, err := learn.OpenRedis(server, learn.RedisOptions{})
	if err != nil {
		return &usererr.UsageError{Err: err, Advice: "name one in the URL: ?namespace=NAME"}
	}
	store := learn.NewShared(file, remote, s.Log)
	s.Store = store
	// After an interrupt, the last outcomes must not wait for the server.
	context.AfterFunc(ctx, store.Abandon)
	return nil
}

// server parses the URL of a shared store, or returns why it is not used here. Repositories that
// share a server are separated by the host and path of their remote, which is the same in every
// clone.
func (s *Session) server(ctx context.Context, value string) (server learn.Server, why string, err error) {
	if e := s.Environment; e.Fork || e.Restricted {
		// The change may have written the configuration that says where to connect, and others
		// must not learn from its tests.
		return server, "a change from a fork or a bot does not use the shared store", nil
	}
	if server, err = learn.ParseServer(value); err != nil {
		return server, "", &usererr.UsageError{Err: err, Advice: "for example rediss://USER:PASSWORD@cache.example.com:6379/0"}
	}
	if server.Namespace != "" {
		return server, "", nil
	}
	host, path, err := s.Repo.Remote(ctx)
	if err != nil {
		return server, "", err
	}
	if host == "" {
		return server, "the repository has no remote, and the URL has no ?namespace=NAME", nil
	}
	server.Namespace = host + "/" + path
	return server, "", nil
}

// storePath returns the path of a --store value: a path, or a sqlite: or file: URL.
func storePath(root, store string) (string, error) {
	scheme, rest, ok := strings.Cut(store, ":")
	switch {
	case ok && (scheme == "sqlite" || scheme == "file"):
		store = strings.TrimPrefix(rest, "//")
	case ok && strings.HasPrefix(rest, "//"):
		// The rest of the URL may contain a password.
		return "", &usererr.UsageError{What: fmt.Sprintf("unknown kind of store %.20q", scheme+":"), Advice: "use a path, sqlite:PATH, or the URL of a server: redis, rediss, valkey, valkeys or unix"}
	case ok && slices.Contains([]string{"redis", "rediss", "valkey", "valkeys", "unix"}, scheme):
		return "", &usererr.UsageError{What: "store URL lacks // after " + scheme + ":", Advice: "for example rediss://USER:PASSWORD@cache.example.com:6379/0"}
	}
	if store == "" {
		return "", &usererr.UsageError{What: "the store has no path", Advice: "use a path or sqlite:PATH"}
	}
	if !filepath.IsAbs(store) {
		store = filepath.Join(root, store)
	}
	return store, nil
}

// StoreText describes where outcomes are kept, and how many wait to be sent to a shared store.
// It does not connect to a server.
func (s *Session) StoreText(ctx context.Context) (string, error) {
	switch store := s.Store.(type) {
	case *learn.SQLite:
		if s.StoreWhy != "" {
			return fmt.Sprintf("%s, not shared: %s", store.Path(), s.StoreWhy), nil
		}
		return store.Path(), nil
	case *learn.Shared:
		server := store.Server()
		text := fmt.Sprintf("%s, shared as %s", server, server.Namespace)
		n, err := store.Waiting(ctx)
		if n > 0 {
			text += fmt.Sprintf("; outcomes to send: %d", n)
		}
		return text, err
	}
	return "", errors.New("no store")
}
