// Package config reads .regreen.yml, .regreen-local.yml and the REGREEN_*
// variables into one validated value.
//
// Goals: a mistake is told with file, line, column, the line itself and what was
// probably meant; one table (see Keys) holds every key, so that the files, the
// environment and the help cannot disagree; a file from somebody else's
// repository can do no harm by being read.
//
// Non-goals: it holds no defaults. A zero field was not set, and the mode that
// package detect finds decides. Nor does it know which strategies, languages and formats
// exist.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/githook"
)

// Config is what was set by hand. The zero value of a field means that it was
// not set.
type Config struct {
	Test              string            // test command, instead of the one that is found
	Results           []string          // globs of the result files that Test writes
	Lang              []string          // languages to test, by name
	Base              string            // revision to compare with
	Budget            time.Duration     // for the search of a run
	MaxCost           float64           // dollars that the strategies of a run may spend
	Timeout           time.Duration     // for one run of the tests
	Apply             string            // auto, always or never
	Confidence        float64           // above 0, at most 1: what Apply auto asks of a patch
	Jobs              int               // runs of tests at the same time
	Seed              uint64            // of every random choice
	Strategies        []string          // only these
	ExcludeStrategies []string          // all but these
	Protected         []string          // globs of branches, see package detect
	Never             []string          // globs of files never edited, besides the built-in ones; see Editable
	Allow             []string          // exact paths that may be edited although a rule is against it
	Channels          []channels.Name   // where reports go
	Files             map[string]string // format -> file that gets the report in it
	Artifact          string            // folder that gets the report in all formats
	Email             Email             // for the channel email
	Webhooks          []Webhook         // for the channel webhook
	Log               Log               // how regreen logs
	Store             string            // URL or path of the store of outcomes; may hold a password
	Hooks             map[githook.Name]githook.Action
	Budgets           map[githook.Name]time.Duration // Budget in a hook
	Timeouts          map[githook.Name]time.Duration // how long the tests of a hook may take; the rest is not run
	Underway          []string                       // operations during which hooks work all the same
	Documents         []string                       // globs of files that no test reads; see Document
	CacheEnv          []string                       // variables that the tests depend on, in addition to those of the toolchain
}

// Log is how regreen logs.
type Log struct {
	Format string // text or json
	Level  string // debug, info, warn or error
}

// The files, relative to the root of the tree. Only one of the first two may be
// there; the local one is not tracked, and what it says wins.
const (
	File       = ".regreen.yml"
	ConfigFile = ".config/regreen.yml"
	LocalFile  = ".regreen-local.yml"
)

// MaxSize is how large a file may be, in bytes.
const MaxSize = 64 << 10

// Load reads the configuration of the tree at root; getenv gives the
// environment and may be nil. Without a file only the environment counts. Later
// sources win: the shared file, the local file, the environment. Protected and
// Never are lists that only grow, and Hooks are merged one by one.
//
// The error is an *Error when the configuration is at fault. Files are read only
// inside root, whatever a symbolic link says, and as errors quote them, only
// regular ones.
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
				return Config{}, &Error{File: name, Msg: "there is " + shared + " as well", Advice: "keep one of the two"}
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

// read gives the content of a file, nil when there is none.
func read(tree *os.Root, name string) ([]byte, error) {
	fault := func(msg string) error {
		return &Error{File: name, Msg: msg, Advice: "it must be a readable file inside the repository"}
	}
	info, err := tree.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR): // a file may be called .config too
		return nil, nil
	case err != nil:
		return nil, fault(reason(err))
	case !info.Mode().IsRegular(): // opening a pipe would wait for ever
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

// reason is the bare cause of a file's error, since the path is told anyway.
func reason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return "cannot be read: " + err.Error()
}

// Off reports whether regreen is switched off for the hook, or altogether when
// hook is empty, and which variable says so. REGREEN=0 switches everything off;
// REGREEN_SKIP lists hooks, or all; SKIP lists tools, as other hook managers
// have it.
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

// split takes a comma list apart and leaves out what is empty.
func split(list string) (items []string) {
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// Getenv looks variables up in an environment; the last one counts, as for a shell.
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
