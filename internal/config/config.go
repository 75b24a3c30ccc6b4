// Package config reads .regreen.yml, .regreen-local.yml and the REGREEN_*
// variables into one validated value.
//
// Goals: an error names file, line and column, quotes the line and suggests what was probably
// meant; one table (see Keys) has every key, so that the files, the environment and the help
// cannot disagree; reading a file from an untrusted repository does no harm.
//
// Non-goals: defaults, and which strategies, languages and formats exist. A zero field was
// not set, and its default depends on the mode that package detect finds.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/githook"
)

// Config holds the settings of the user. The zero value of a field means that it was not set.
type Config struct {
	Test              string            // test command, in place of the one that regreen finds
	Carry             []string          // globs of files that git ignores and tests need
	Results           []string          // globs of the result files that Test writes
	Lang              []string          // languages to test, by name
	Base              string            // revision to compare with
	Budget            time.Duration     // for the search for a patch
	MaxCost           float64           // dollars that the strategies of a run may spend
	Timeout           time.Duration     // for one run of the tests
	Apply             string            // auto, always or never
	Confidence        float64           // above 0, at most 1: what a patch needs for Apply auto
	Jobs              int               // runs of tests at the same time
	Seed              uint64            // of every random choice
	Strategies        []string          // only these
	ExcludeStrategies []string          // all but these
	Protected         []string          // globs of branches, see package detect
	Never             []string          // globs of files never edited, in addition to the built-in ones; see Editable
	Allow             []string          // exact paths that may be edited even if a rule forbids it
	Channels          []channels.Name   // where reports go
	Files             map[string]string // format -> file to write the report to
	Artifact          string            // directory to write the report in all formats to
	Email             Email             // for the channel email
	Webhooks          []Webhook         // for the channel webhook
	Log               Log               // how regreen logs
	Store             string            // URL or path of the store of outcomes; may hold a password
	Hooks             map[githook.Name]githook.Action
	Budgets           map[githook.Name]time.Duration // Budget in a hook
	Timeouts          map[githook.Name]time.Duration // how long the tests of a hook may take; the rest is not run
	Underway          []string                       // operations during which hooks still run
	Documents         []string                       // globs of files that no test reads; see Document
	CacheEnv          []string                       // variables that the tests depend on, in addition to those of the toolchain
}

// Log holds the settings of the log.
type Log struct {
	Format string // text or json
	Level  string // debug, info, warn or error
}

// The files, relative to the root of the tree. Only one of the first two may exist. The local
// one is not tracked and overrides it.
const (
	File       = ".regreen.yml"
	ConfigFile = ".config/regreen.yml"
	LocalFile  = ".regreen-local.yml"
)

// MaxSize limits the size of a file, in bytes.
const MaxSize = 64 << 10

// Load reads the configuration of the tree at root. Getenv reads the environment and may be
// nil. Later sources override earlier ones: the shared file, the local file, the environment.
// Protected, Never and CacheEnv only grow, and the maps of hooks are merged key by key.
//
// The error is an *Error if the configuration is at fault. Load reads only regular files
// inside root, even through symbolic links, because errors quote what they say.
func Load(root string, getenv func(string) string) (Config, error) {
	var c Config
	tree, err := os.OpenRoot(root)
	if err != nil {
		return Config{}, fmt.Errorf("cannot read the configuration: %w", err)
	}
	defer tree.Close()

	shared := ""
	for _, name := range []string{File, ConfigFile, LocalFile} {
		data, err := read(tree, name)
		if err != nil {
			return Config{}, err
		}
		if data == nil {
			continue
		}
		if name != LocalFile {
			if shared != "" {
				return Config{}, &Error{File: name, Msg: "conflicts with " + shared, Advice: "keep one of the two"}
			}
			shared = name
		}
		if err := c.parse(name, data); err != nil {
			return Config{}, err
		}
	}
	if getenv != nil {
		if err := c.environment(getenv); err != nil {
			return Config{}, err
		}
	}
	return c, nil
}

// read returns the content of a file, or nil if none exists.
func read(tree *os.Root, name string) ([]byte, error) {
	fault := func(msg string) error {
		return &Error{File: name, Msg: msg, Advice: "make it a readable file inside the repository"}
	}
	info, err := tree.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR): // .config may be a file
		return nil, nil
	case err != nil:
		return nil, fault(reason(err))
	case !info.Mode().IsRegular(): // opening a pipe would block forever
		return nil, fault("is not a regular file")
	}
	file, err := tree.Open(name)
	if err != nil {
		return nil, fault(reason(err))
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxSize+1))
	if err != nil {
		return nil, fault(reason(err))
	}
	if len(data) > MaxSize {
		return nil, &Error{File: name, Msg: fmt.Sprintf("is larger than %d KiB", MaxSize>>10)}
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

// reason is the cause of a file's error, without the path, which Error has.
func reason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return "cannot be read: " + err.Error()
}

// Stray returns what is wrong with files at root that look like configuration and are not read.
func Stray(root string) (faults []string) {
	for _, name := range []string{File, ConfigFile, LocalFile} {
		file := filepath.Join(root, name)
		if target, err := os.Readlink(file); err == nil {
			if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
				faults = append(faults, fmt.Sprintf("%s is a link to %s, which does not exist", name, printable(target)))
			}
		}
		other := strings.TrimSuffix(name, ".yml") + ".yaml"
		if _, err := os.Lstat(filepath.Join(root, other)); err == nil {
			faults = append(faults, fmt.Sprintf("%s is not read; its name should be %s", other, name))
		}
	}
	return faults
}

// Off reports whether regreen is switched off for a hook, or for everything if hook is empty,
// and which variable does so. REGREEN=0 switches everything off; REGREEN_SKIP lists hooks, or
// is all; SKIP lists tools, as for other hook managers.
func Off(getenv func(string) string, hook githook.Name) (off bool, reason string) {
	if getenv == nil {
		return false, ""
	}
	switch value := strings.TrimSpace(getenv("REGREEN")); strings.ToLower(value) {
	case "0", "false", "off", "no":
		return true, "REGREEN=" + value
	}
	if hook == "" {
		return false, ""
	}
	for _, name := range split(getenv("REGREEN_SKIP")) {
		if name == string(hook) || name == "all" {
			return true, "REGREEN_SKIP=" + name
		}
	}
	for _, name := range split(getenv("SKIP")) {
		if name == "regreen" {
			return true, "SKIP=" + name
		}
	}
	return false, ""
}

// split returns the items of a comma-separated list that are not empty.
func split(list string) (items []string) {
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// Getenv returns a lookup of the variables in an environment. The last one counts, like in a
// shell.
func Getenv(environ []string) func(string) string {
	return func(name string) string {
		for _, kv := range slices.Backward(environ) {
			if value, ok := strings.CutPrefix(kv, name+"="); ok {
				return value
			}
		}
		return ""
	}
}
