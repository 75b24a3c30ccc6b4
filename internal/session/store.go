package session

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// openStore gives the session its store, by a --store value. Its first use opens it,
// which is after the verdict, or when a search begins.
func (s *Session) openStore(ctx context.Context, value string) error {
	path := or(s.in.Store, filepath.Join(s.Repo.StateDir(), "learn.db"))
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
	// After an interrupt some things are still recorded, which is not to take time.
	context.AfterFunc(ctx, store.Abandon)
	return nil
}

// server reads the URL of a shared store, or tells why it is not used here. Repositories
// that share a server are kept apart by the host and path of their remote, which is the
// same in each clone.
func (s *Session) server(ctx context.Context, value string) (server learn.Server, why string, err error) {
	if e := s.Environment; e.Fork || e.Restricted {
		// The configuration says where to connect, and the change may have written it. Nor
		// is what its tests make of patches to be learnt by others.
		return server, "the change comes from a fork or a bot, which shares nothing", nil
	}
	if server, err = learn.ParseServer(value); err != nil {
		return server, "", &usererr.UsageError{Err: err, Advice: "for instance rediss://USER:PASSWORD@cache.example.com:6379/0"}
	}
	if server.Namespace != "" {
		return server, "", nil
	}
	host, path, err := s.Repo.Remote(ctx)
	if err != nil {
		return server, "", err
	}
	if host == "" {
		return server, "the repository has no remote to be known by, and the URL no ?namespace=NAME", nil
	}
	server.Namespace = host + "/" + path
	return server, "", nil
}

// storePath reads a --store value: a path, or a sqlite: or file: URL of one.
func storePath(root, store string) (string, error) {
	scheme, rest, ok := strings.Cut(store, ":")
	switch {
	case ok && (scheme == "sqlite" || scheme == "file"):
		store = strings.TrimPrefix(rest, "//")
	case ok && strings.HasPrefix(rest, "//"):
		// The rest of the URL may hold a password.
		return "", &usererr.UsageError{What: fmt.Sprintf("%.20q is not a kind of store this regreen has", scheme+":"), Advice: "give a path, sqlite:PATH, or the URL of a server: redis, rediss, valkey, valkeys or unix"}
	}
	if store == "" {
		return "", &usererr.UsageError{What: "the store has no path", Advice: "give a path or sqlite:PATH"}
	}
	if !filepath.IsAbs(store) {
		store = filepath.Join(root, store)
	}
	return store, nil
}

// StoreText tells in words where outcomes are kept, and how many of them wait for a
// shared store. It connects to none.
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
			text += fmt.Sprintf("; %d outcomes wait to be sent", n)
		}
		return text, err
	}
	return "", errors.New("there is no store")
}
