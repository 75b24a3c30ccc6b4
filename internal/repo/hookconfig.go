package repo

import (
	"context"
	"fmt"
	"strings"
)

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
