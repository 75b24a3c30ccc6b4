package repo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// HooksPath is core.hooksPath in git's configuration.
type HooksPath struct {
	Value string // "" if it is not set
	Scope string // local, worktree, global, system or command
}

// Shared reports whether hooks there also run in other repositories.
func (p HooksPath) Shared() bool { return p.Scope == "global" || p.Scope == "system" }

// HooksPath reads core.hooksPath and its scope.
func (r *Repo) HooksPath(ctx context.Context) (HooksPath, error) {
	out, err := r.git.line(ctx, "config", "--show-scope", "--get", "core.hooksPath")
	if exitStatus(err) == 1 { // not set
		return HooksPath{}, nil
	}
	scope, value, _ := strings.Cut(out, "\t")
	return HooksPath{Value: value, Scope: scope}, err
}

// DefaultHooksDir returns where git looks for hooks if core.hooksPath is not set.
func (r *Repo) DefaultHooksDir() string { return filepath.Join(r.commonDir, "hooks") }

// OwnsHooks reports whether a hooks directory, which may not exist, is in the repository's own git
// directory. A directory that a link there leads to is not.
func (r *Repo) OwnsHooks(dir string) bool {
	real := realPath(dir)
	for _, own := range []string{r.commonDir, r.gitDir} {
		if rel, err := filepath.Rel(realPath(own), real); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

// HooksTree returns the working tree that a hooks directory is in, of this or of another
// repository, or "" if it is in none.
func (r *Repo) HooksTree(ctx context.Context, dir string) (string, error) {
	if r.OwnsHooks(dir) {
		return "", nil
	}
	top, err := r.elsewhere(dir).line(ctx, "rev-parse", "--show-toplevel")
	if err != nil { // not in a repository, or in its git directory
		return "", ctx.Err()
	}
	return filepath.FromSlash(top), nil
}

// Tracks reports whether git tracks files of a directory in a working tree.
func (r *Repo) Tracks(ctx context.Context, dir string) (bool, error) {
	dir = realPath(dir)
	if _, err := os.Stat(dir); err != nil {
		return false, nil
	}
	out, err := r.elsewhere(dir).output(ctx, "ls-files", "--", ".")
	return len(out) > 0, err
}

// elsewhere returns a git that runs in a directory, or in the nearest one above that exists, and
// finds the repository there.
func (r *Repo) elsewhere(dir string) git {
	g := r.git
	g.env = slices.DeleteFunc(slices.Clone(g.env), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(r.localVars, name) && !strings.HasPrefix(name, "GIT_CONFIG")
	})
	for g.dir = realPath(dir); g.dir != filepath.Dir(g.dir); g.dir = filepath.Dir(g.dir) {
		if info, err := os.Stat(g.dir); err == nil && info.IsDir() {
			break
		}
	}
	return g
}

// realPath returns a path without symbolic links, as far as it exists.
func realPath(path string) string {
	path = filepath.Clean(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(realPath(parent), filepath.Base(path))
	}
	return path
}

// ConfiguredHook is a hook in git's configuration, not a file in the hooks directory. Git runs
// these since version 2.54 (git-hook(1)); older versions ignore them.
type ConfiguredHook struct {
	Name    string // the friendly name, hook.NAME.command
	Event   string // of several events, each makes a ConfiguredHook
	Command string // a shell command, to which git appends the hook's arguments
	Scope   string // whose configuration: local, global, ...
}

// ConfiguredHooks reads the hooks of all configurations.
func (r *Repo) ConfiguredHooks(ctx context.Context) ([]ConfiguredHook, error) {
	out, err := r.git.output(ctx, "config", "--show-scope", "-z", "--get-regexp", `^hook\..*\.(event|command)$`)
	if exitStatus(err) == 1 { // no hooks
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	command := make(map[string]string)
	var hooks []ConfiguredHook
	fields := splitNames(out) // scope, then name, newline, value
	for i := 0; i+1 < len(fields); i += 2 {
		key, value, _ := strings.Cut(fields[i+1], "\n")
		key = strings.TrimPrefix(key, "hook.")
		if name, ok := strings.CutSuffix(key, ".command"); ok {
			command[name] = value
		} else if name, ok := strings.CutSuffix(key, ".event"); ok {
			hooks = append(hooks, ConfiguredHook{Name: name, Event: value, Scope: fields[i]})
		}
	}
	for i := range hooks {
		hooks[i].Command = command[hooks[i].Name]
	}
	return hooks, nil
}

// ConfigureHook adds a hook for one event to the repository's configuration, or replaces the one
// with its name.
func (r *Repo) ConfigureHook(ctx context.Context, name, event, command string) error {
	for _, kv := range [][2]string{{"command", command}, {"event", event}} {
		if err := r.git.run(ctx, nil, nil, "config", "--local", "--replace-all", "hook."+name+"."+kv[0], kv[1]); err != nil {
			return err
		}
	}
	return nil
}

// RemoveConfiguredHook removes a hook from the repository's configuration.
func (r *Repo) RemoveConfiguredHook(ctx context.Context, name string) error {
	return r.git.run(ctx, nil, nil, "config", "--local", "--remove-section", "hook."+name)
}

// RunsConfiguredHooks reports whether this git runs hooks of its configuration.
func (r *Repo) RunsConfiguredHooks(ctx context.Context) (bool, error) {
	version, err := r.Version(ctx)
	if err != nil {
		return false, err
	}
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return false, fmt.Errorf("cannot parse the version of git, %q: %w", version, err)
	}
	return major > 2 || major == 2 && minor >= 54, nil
}
