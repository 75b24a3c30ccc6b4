package config

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// Key is one thing that can be configured.
type Key struct {
	Name    string // in the file; a dot separates levels
	Env     string // the variable that overrides it
	Doc     string // one sentence or two
	Example string // a value as in the file
	set     setter
}

// setter stores a value in a Config. The error says what is wrong with the value.
type setter func(*Config, value) error

// Keys returns every key in the order in which to explain them. In a variable, a list is
// separated by commas, and hooks are written as pre-commit=warn,post-merge=off.
func Keys() []Key { return slices.Clone(keys) }

var keys = slices.Concat(generalKeys, channelKeys)

var generalKeys = []Key{
	{
		"test", "REGREEN_TEST", "The command that runs the tests. By default, regreen finds one from the files in the repository.", "go test -tags integration ./...",
		text(func(c *Config) *string { return &c.Test }, line),
	},
	{
		"results", "REGREEN_RESULTS", "Globs of the result files that the test command writes, in the format JUnit XML, TAP, CTRF or `go test -json`; `-` means its standard output. With result files, the tests can be in any language.", "[build/reports/*.xml]",
		list(func(c *Config) *[]string { return &c.Results }, false, resultGlob),
	},
	{
		"carry", "REGREEN_CARRY", "Files and directories that git ignores, and that the tests need: what a build makes, or installed dependencies. Globs begin at the root of the repository. Copies of them are added to every tree that is tested, and such a tree is always tested again.", "[web/dist, node_modules]",
		list(func(c *Config) *[]string { return &c.Carry }, true, carryGlob),
	},
	{
		"lang", "REGREEN_LANG", "Test only these languages of the repository. By default, regreen tests all languages that have tests.", "[go]",
		list(func(c *Config) *[]string { return &c.Lang }, false, identifier),
	},
	{
		"base", "REGREEN_BASE", "The revision to compare with. By default, regreen finds one from the event and the branch.", "origin/main",
		text(func(c *Config) *string { return &c.Base }, revision),
	},
	{
		"budget", "REGREEN_BUDGET", "How long to search for a patch after the failures are known. By default, 20s in hooks that run before a commit, 1m in other hooks, 2m for commands and 10m in CI.", "90s",
		duration(func(c *Config) *time.Duration { return &c.Budget }),
	},
	{
		"max-cost", "REGREEN_MAX_COST", "How many US dollars the strategies of one run may spend. By default, strategies that cost money do not run.", "0.50",
		amount(func(c *Config) *float64 { return &c.MaxCost }),
	},
	{
		"timeout", "REGREEN_TIMEOUT", "How long one run of the tests may take before it counts as hung.", "5m",
		duration(func(c *Config) *time.Duration { return &c.Timeout }),
	},
	{
		"apply", "REGREEN_APPLY", "Whether to apply a verified patch to the working tree: `always`, `never`, or `auto`, which applies a patch with enough confidence on a developer's machine and only proposes it in CI.", "never",
		text(func(c *Config) *string { return &c.Apply }, oneOf("auto", "always", "never")),
	},
	{
		"confidence", "REGREEN_CONFIDENCE", "How much confidence a patch needs for `apply: auto`, above 0 and at most 1.", "0.9",
		fraction(func(c *Config) *float64 { return &c.Confidence }),
	},
	{
		"jobs", "REGREEN_JOBS", "How many test runs to start at the same time. By default, one for each CPU core.", "4",
		integer(1, 1024, func(c *Config, n uint64) { c.Jobs = int(n) }),
	},
	{
		"seed", "REGREEN_SEED", "The seed of every random choice. Use the seed of an earlier run to repeat it.", "42",
		integer(1, 1<<63-1, func(c *Config, n uint64) { c.Seed = n }),
	},
	{
		"strategies", "REGREEN_STRATEGIES", "Use only these strategies. `regreen strategies` lists them.", "[imports, compile]",
		list(func(c *Config) *[]string { return &c.Strategies }, false, identifier),
	},
	{
		"exclude-strategies", "REGREEN_EXCLUDE_STRATEGIES", "Use all strategies except these.", "[revert]",
		list(func(c *Config) *[]string { return &c.ExcludeStrategies }, false, identifier),
	},
	{
		"protected", "REGREEN_PROTECTED", "Globs of branches on which patches are only proposed. `*` does not match a slash; `/**` at the end matches everything below.", "[production, deploy/**]",
		list(func(c *Config) *[]string { return &c.Protected }, true, branchGlob),
	},
	{
		"never", "REGREEN_NEVER", "Globs of files that regreen never edits, in addition to tests and their configuration, snapshots, lock files and CI configuration. A glob without a slash matches at any depth, and a directory covers everything in it.", "[internal/generated, '*.pb.go']",
		list(func(c *Config) *[]string { return &c.Never }, true, pathGlob),
	},
	{
		"allow", "REGREEN_ALLOW", "Exact paths of files that regreen may edit even if a rule forbids it.", "[internal/testdata/expected.json]",
		list(func(c *Config) *[]string { return &c.Allow }, false, exactPath),
	},
	{
		"channels", "REGREEN_CHANNELS", "The channels to send reports to, in this order. See docs/channels.md.", "[terminal, file]",
		list(func(c *Config) *[]channels.Name { return &c.Channels }, false, channel),
	},
	{
		"log.format", "REGREEN_LOG_FORMAT", "The format of log records: `text` or `json`.", "json",
		text(func(c *Config) *string { return &c.Log.Format }, oneOf("text", "json")),
	},
	{
		"log.level", "REGREEN_LOG", "The lowest level to log: `debug`, `info`, `warn` or `error`.", "debug",
		text(func(c *Config) *string { return &c.Log.Level }, oneOf("debug", "info", "warn", "error")),
	},
	{
		storeKey, "REGREEN_STORE", "Where to store outcomes: a path, or the URL of a Redis or Valkey server that others share (see docs/store.md). Put a password in the environment variable, not in a shared file.", "rediss://cache.example.com:6379/0",
		text(func(c *Config) *string { return &c.Store }, store),
	},
	{
		"hooks", "REGREEN_HOOKS", "What each hook does about new failures: `block`, `warn`, or `off` to not run at all. `pre-commit` and `post-merge` also take `background`, which lets git continue while the tests run; `post-checkout` and `post-rewrite` always run in the background.", "{pre-commit: warn, post-merge: off}",
		perHook(func(c *Config) *map[githook.Name]githook.Action { return &c.Hooks }, hookAction),
	},
	{
		"budgets", "REGREEN_BUDGETS", "Search budget per hook; overrides `budget`.", "{pre-commit: 10s, pre-push: 2m}",
		perHook(func(c *Config) *map[githook.Name]time.Duration { return &c.Budgets }, hookDuration),
	},
	{
		"timeouts", "REGREEN_TIMEOUTS", "How long the tests of a hook may take. What has not finished is reported, does not block, and runs at push. By default, 3m in hooks that run before a commit.", "{pre-commit: 1m}",
		perHook(func(c *Config) *map[githook.Name]time.Duration { return &c.Timeouts }, hookDuration),
	},
	{
		"underway", "REGREEN_UNDERWAY", "Operations during which the hooks still run: `merge`, `rebase`, `am`, `cherry-pick`, `revert` or `bisect`. By default, the hooks do nothing until the operation is over.", "[merge]",
		list(func(c *Config) *[]string { return &c.Underway }, false, oneOf("merge", "rebase", "am", "cherry-pick", "revert", "bisect")),
	},
	{
		"documents", "REGREEN_DOCUMENTS", "Globs of files that no test reads. A commit that changes only such files is not tested. By default, `*.md`, `*.markdown`, `*.rst`, `*.adoc` and license files; `[none]` matches no file.", "['*.md', docs]",
		list(func(c *Config) *[]string { return &c.Documents }, false, pathGlob),
	},
	{
		"cache-env", "REGREEN_CACHE_ENV", "Environment variables that the tests depend on. A tree that passed with other values of them is tested again.", "[DATABASE_URL]",
		list(func(c *Config) *[]string { return &c.CacheEnv }, true, variable),
	},
}

// renamed lists the former names of keys, which still work for one more release. No
// documentation has them.
var renamed = []struct{ name, env, now string }{
	{"witness-env", "REGREEN_WITNESS_ENV", "cache-env"},
}

// find returns the key of a current or former name.
func find(name string) (Key, bool) {
	for _, r := range renamed {
		if r.name == name {
			name = r.now
		}
	}
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// storeKey is a key whose value may hold a secret; see mayHoldSecret.
const storeKey = "store"

// text sets a string that passes the check.
func text(field func(*Config) *string, check func(string) error) setter {
	return func(c *Config, v value) error {
		s, err := v.text()
		if err != nil {
			return err
		}
		if err := check(s); err != nil {
			return v.fault(err)
		}
		*field(c) = s
		return nil
	}
}

// duration sets a time above zero, since zero means not set.
func duration(field func(*Config) *time.Duration) setter {
	const most = 24 * time.Hour
	return func(c *Config, v value) error {
		s, err := v.scalar("a duration, such as 90s or 5m")
		if err != nil {
			return err
		}
		d, err := time.ParseDuration(s)
		if err != nil {
			return v.fault(hinted(fmt.Sprintf("%.40q is not a duration", s), "write a number with its unit, such as 90s or 5m"))
		}
		if d <= 0 || d > most {
			return v.fault(hinted(fmt.Sprintf("%s is out of range", d), "write a duration above 0s and up to 24h"))
		}
		*field(c) = d
		return nil
	}
}

// fraction sets a number above 0 and at most 1.
func fraction(field func(*Config) *float64) setter {
	return func(c *Config, v value) error {
		s, err := v.scalar("a number above 0 and at most 1")
		if err != nil {
			return err
		}
		f, err := strconv.ParseFloat(s, 64)
		switch {
		case errors.Is(err, strconv.ErrSyntax):
			return v.fault(hinted(fmt.Sprintf("%.40q is not a number", s), "write a number above 0 and at most 1"))
		case err != nil || !(f > 0 && f <= 1): // written so that NaN is refused
			return v.fault(hinted(fmt.Sprintf("%.40q is out of range", s), "write a number above 0 and at most 1"))
		}
		*field(c) = f
		return nil
	}
}

// amount sets a sum of dollars above zero, since zero means not set.
func amount(field func(*Config) *float64) setter {
	const most = 1000
	return func(c *Config, v value) error {
		s, err := v.scalar("a sum of dollars, such as 0.50")
		if err != nil {
			return err
		}
		f, err := strconv.ParseFloat(s, 64)
		advice := fmt.Sprintf("write a number of dollars above 0 and at most %d", most)
		switch {
		case errors.Is(err, strconv.ErrSyntax):
			return v.fault(hinted(fmt.Sprintf("%.40q is not a number", s), advice))
		case err != nil || !(f > 0 && f <= most): // written so that NaN is refused
			return v.fault(hinted(fmt.Sprintf("%.40q is out of range", s), advice))
		}
		*field(c) = f
		return nil
	}
}

// integer sets a whole number within the limits.
func integer(least, most uint64, set func(*Config, uint64)) setter {
	return func(c *Config, v value) error {
		s, err := v.scalar("a whole number")
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(s, 10, 64)
		advice := fmt.Sprintf("write a whole number from %d to %d", least, most)
		switch {
		case errors.Is(err, strconv.ErrSyntax) && !strings.HasPrefix(s, "-"):
			return v.fault(hinted(fmt.Sprintf("%.40q is not a whole number", s), advice))
		case err != nil || n < least || n > most:
			return v.fault(hinted(fmt.Sprintf("%.40q is out of range", s), advice))
		}
		set(c, n)
		return nil
	}
}

// list sets a list whose items pass the check. A list that grows is appended to the list of
// earlier sources.
func list[T ~string](field func(*Config) *[]T, grows bool, check func(string) error) setter {
	return func(c *Config, v value) error {
		items, err := v.items()
		if err != nil {
			return err
		}
		var all []T
		if grows {
			all = *field(c)
		}
		for _, item := range items {
			s, err := item.text()
			if err != nil {
				return err
			}
			if err := check(s); err != nil {
				return item.fault(err)
			}
			if !slices.Contains(all, T(s)) {
				all = append(all, T(s))
			}
		}
		*field(c) = all
		return nil
	}
}

// perHook sets the values of single hooks, and keeps those of the others from earlier
// sources.
func perHook[T any](field func(*Config) *map[githook.Name]T, read func(hook githook.Event, v value) (T, error)) setter {
	return func(c *Config, v value) error {
		pairs, err := v.pairs()
		if err != nil {
			return err
		}
		set := maps.Clone(*field(c))
		for _, p := range pairs {
			hook, ok := githook.Find(p.key)
			if !ok {
				return p.name.fault(unknown("hook", p.key, githook.Strings(githook.Names())))
			}
			one, err := read(hook, p.value)
			if err != nil {
				return err
			}
			if set == nil {
				set = make(map[githook.Name]T)
			}
			set[hook.Name] = one
		}
		*field(c) = set
		return nil
	}
}

func hookAction(hook githook.Event, v value) (githook.Action, error) {
	action, err := v.text()
	if err == nil {
		if unknown := oneOf(githook.Strings(hook.Actions)...)(action); unknown != nil {
			err = v.fault(unknown)
		}
	}
	return githook.Action(action), err
}

func hookDuration(_ githook.Event, v value) (time.Duration, error) {
	var c Config
	err := duration(func(c *Config) *time.Duration { return &c.Budget })(&c, v)
	return c.Budget, err
}

// variable checks the name of an environment variable.
func variable(s string) error {
	ok := s != ""
	for i, r := range s {
		letter := r == '_' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		ok = ok && (letter || i > 0 && r >= '0' && r <= '9')
	}
	if !ok {
		return hinted(fmt.Sprintf("%.40q is not the name of a variable", s), "use letters, digits and _")
	}
	return nil
}

func hinted(what, advice string) error { return &usererr.Error{What: what, Advice: advice} }

// unknown returns the error about a name that is not in a list.
func unknown(what, name string, known []string) error {
	if near := Nearest(name, known); near != "" {
		return hinted(fmt.Sprintf("unknown %s %.40q", what, name), fmt.Sprintf("did you mean %q?", near))
	}
	return hinted(fmt.Sprintf("unknown %s %.40q", what, name), "use one of "+strings.Join(known, ", "))
}

func oneOf(words ...string) func(string) error {
	return func(s string) error {
		if slices.Contains(words, s) {
			return nil
		}
		return unknown("value", s, words)
	}
}

// line refuses a text of several lines, which would be several commands.
func line(s string) error {
	if strings.ContainsAny(s, "\n\r\x00") {
		return hinted("must be one line", "put several commands into a script")
	}
	return nil
}

// revision refuses what git would read as an option.
func revision(s string) error {
	if strings.HasPrefix(s, "-") || strings.ContainsAny(s, "\n\r\x00 \t") {
		return hinted(fmt.Sprintf("%.40q is not a revision", s), "write a branch, a tag or a commit")
	}
	return nil
}

// identifier checks the name of a strategy, language or format. Whether it exists is for the
// package that has them to check.
func identifier(s string) error {
	bad := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./*", r))
	}
	if strings.ContainsFunc(s, bad) {
		return hinted(fmt.Sprintf("%.40q is not a name", s), "use lower-case letters, digits, dashes and slashes")
	}
	return nil
}

// channel checks the name of a channel.
func channel(s string) error {
	if _, ok := channels.Find(s); !ok {
		return unknown("channel", s, channelNames())
	}
	return nil
}

func channelNames() (names []string) {
	for _, name := range channels.All() {
		names = append(names, string(name))
	}
	return names
}

// UnknownChannel returns the error about a channel that does not exist, when it was named
// elsewhere than in the configuration.
func UnknownChannel(name string) error { return channel(name) }

func branchGlob(s string) error {
	if _, err := path.Match(s, ""); err != nil {
		return hinted(fmt.Sprintf("%.40q is not a valid glob", s), "close the bracket, or put a backslash before it")
	}
	if stem := strings.TrimSuffix(s, "/**"); s != "**" && strings.Contains(stem, "**") {
		return hinted(fmt.Sprintf("%.40q has ** in the wrong place", s), "use ** alone, or at the end after a slash")
	}
	return nil
}

func pathGlob(s string) error {
	switch {
	case strings.HasPrefix(s, "!"):
		return hinted(fmt.Sprintf("%.40q negates a rule", s), `list the file under "allow"`)
	case slices.Contains(strings.Split(s, "/"), ".."):
		return hinted(fmt.Sprintf("%.40q leads out of the repository", s), "write a glob relative to the top of the repository")
	case strings.Trim(s, "/") == "" || strings.Contains(s, "//"):
		return hinted(fmt.Sprintf("%.40q has an empty part", s), "remove the extra slash")
	}
	if _, err := path.Match(s, ""); err != nil {
		return hinted(fmt.Sprintf("%.40q is not a valid glob", s), "close the bracket, or put a backslash before it")
	}
	return nil
}

// resultGlob accepts globs of files, and - for standard output. It refuses globs that cannot
// match a file of the tree, because such results would never be read.
func resultGlob(s string) error {
	if s == "-" {
		return nil
	}
	clean := path.Clean(s)
	switch {
	case path.IsAbs(s):
		return hinted(fmt.Sprintf("%.40q is an absolute path", s), "write a glob relative to the top of the repository, such as build/*.xml")
	case strings.HasSuffix(s, "/") || clean == ".":
		return hinted(fmt.Sprintf("%.40q is a directory", s), "write a glob of the files in it, such as "+path.Join(clean, "**/*.xml"))
	case slices.ContainsFunc(strings.Split(clean, "/"), func(part string) bool { return strings.EqualFold(part, ".git") }):
		return hinted(fmt.Sprintf("%.40q is in the .git directory", s), "have the test command write its results elsewhere")
	}
	return pathGlob(s)
}

// carryGlob accepts globs of files and directories inside the working tree.
func carryGlob(s string) error {
	switch {
	case path.IsAbs(s):
		return hinted(fmt.Sprintf("%.40q is an absolute path", s), "write it relative to the top of the repository, such as node_modules")
	case strings.Contains(s, "**"):
		return hinted(fmt.Sprintf("%.40q has **, which is not supported here", s), "name a directory for everything in it, or use packages/*/node_modules")
	case path.Clean(s) == ".":
		return hinted(fmt.Sprintf("%.40q is the whole repository", s), "name what the tests need")
	case slices.ContainsFunc(strings.Split(s, "/"), func(part string) bool { return strings.EqualFold(part, ".git") }):
		return hinted(fmt.Sprintf("%.40q is in the .git directory", s), "name what the tests need")
	}
	return pathGlob(strings.TrimSuffix(s, "/"))
}

// CheckResults returns what is wrong with globs of results that are given elsewhere than in
// the configuration.
func CheckResults(globs []string) error {
	for _, glob := range globs {
		if err := resultGlob(glob); err != nil {
			return err
		}
	}
	return nil
}

// exactPath refuses globs: an exempt file must be named.
func exactPath(s string) error {
	if strings.Contains(s, "*") {
		return hinted(fmt.Sprintf("%.40q is a glob", s), "list each file by its path")
	}
	if path.Clean(s) != s || path.IsAbs(s) || s == "." || s == ".." || strings.HasPrefix(s, "../") {
		return hinted(fmt.Sprintf("%.40q is not a plain relative path", s), "write it relative to the top of the repository, without ./")
	}
	return nil
}

// store checks only the scheme; the store checks the rest. The message does not quote the
// value.
func store(s string) error {
	schemes := []string{"sqlite", "file", "redis", "rediss", "valkey", "valkeys", "unix"}
	scheme, _, isURL := strings.Cut(s, "://")
	if isURL && !slices.Contains(schemes, scheme) {
		return hinted("unknown kind of store", "use a path, or a URL that starts with one of "+strings.Join(schemes, ", "))
	}
	return line(s)
}
