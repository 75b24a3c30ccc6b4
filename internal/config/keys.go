package config

import (
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

// setter stores a value in a Config, or tells what is wrong with it.
type setter func(*Config, value) error

// Keys gives every key in the order to explain them. In variables a list is
// separated by commas, and hooks are written as pre-commit=warn,post-merge=off.
func Keys() []Key { return slices.Clone(keys) }

var keys = slices.Concat(generalKeys, channelKeys)

var generalKeys = []Key{
	{
		"test", "REGREEN_TEST", "The test command. Without it regreen finds one from the files of the tree.", "go test -tags integration ./...",
		text(func(c *Config) *string { return &c.Test }, line),
	},
	{
		"results", "REGREEN_RESULTS", "Globs of the result files that the test command writes: JUnit XML, TAP, CTRF or go test -json; - is its standard output. With them the tests may be in any language.", "[build/reports/*.xml]",
		list(func(c *Config) *[]string { return &c.Results }, false, resultGlob),
	},
	{
		"lang", "REGREEN_LANG", "Test only these languages of the repository. Without it, all that have tests.", "[go]",
		list(func(c *Config) *[]string { return &c.Lang }, false, identifier),
	},
	{
		"base", "REGREEN_BASE", "The revision to compare with. Without it the event and the branch tell.", "origin/main",
		text(func(c *Config) *string { return &c.Base }, revision),
	},
	{
		"budget", "REGREEN_BUDGET", "How long to search for a patch once the failures are known.", "90s",
		duration(func(c *Config) *time.Duration { return &c.Budget }),
	},
	{
		"max-cost", "REGREEN_MAX_COST", "How many US dollars the strategies of a run may spend in all. Without it none runs that costs money.", "0.50",
		amount(func(c *Config) *float64 { return &c.MaxCost }),
	},
	{
		"timeout", "REGREEN_TIMEOUT", "How long one run of the tests may take before it counts as hung.", "5m",
		duration(func(c *Config) *time.Duration { return &c.Timeout }),
	},
	{
		"apply", "REGREEN_APPLY", "Whether a verified patch is applied to the working tree: auto when it is proven well enough and this is a developer's machine, always, or never.", "never",
		text(func(c *Config) *string { return &c.Apply }, oneOf("auto", "always", "never")),
	},
	{
		"confidence", "REGREEN_CONFIDENCE", "How sure of a patch regreen must be for apply auto, above 0 and at most 1.", "0.9",
		fraction(func(c *Config) *float64 { return &c.Confidence }),
	},
	{
		"jobs", "REGREEN_JOBS", "How many test runs go on at the same time. Without it, as many as there are cores.", "4",
		integer(1, 1024, func(c *Config, n uint64) { c.Jobs = int(n) }),
	},
	{
		"seed", "REGREEN_SEED", "The seed of every random choice, to repeat a run.", "42",
		integer(1, 1<<63-1, func(c *Config, n uint64) { c.Seed = n }),
	},
	{
		"strategies", "REGREEN_STRATEGIES", "Use these strategies only.", "[imports, compile]",
		list(func(c *Config) *[]string { return &c.Strategies }, false, identifier),
	},
	{
		"exclude-strategies", "REGREEN_EXCLUDE_STRATEGIES", "Use all strategies but these.", "[revert]",
		list(func(c *Config) *[]string { return &c.ExcludeStrategies }, false, identifier),
	},
	{
		"protected", "REGREEN_PROTECTED", "Globs of branches on which patches are only proposed. * stops at a slash; a final /** stands for everything below.", "[production, deploy/**]",
		list(func(c *Config) *[]string { return &c.Protected }, true, branchGlob),
	},
	{
		"never", "REGREEN_NEVER", "Globs of files that are never edited, besides tests and their configuration, snapshots, lock files and CI configuration. Without a slash they match at any depth; a folder covers what is in it.", "[internal/generated, '*.pb.go']",
		list(func(c *Config) *[]string { return &c.Never }, true, pathGlob),
	},
	{
		"allow", "REGREEN_ALLOW", "Files, by their exact paths, that may be edited although a rule is against it.", "[internal/testdata/expected.json]",
		list(func(c *Config) *[]string { return &c.Allow }, false, exactPath),
	},
	{
		"channels", "REGREEN_CHANNELS", "The channels that reports go to, in this order.", "[terminal, file]",
		list(func(c *Config) *[]channels.Name { return &c.Channels }, false, channel),
	},
	{
		"log.format", "REGREEN_LOG_FORMAT", "How log records are written: text or json.", "json",
		text(func(c *Config) *string { return &c.Log.Format }, oneOf("text", "json")),
	},
	{
		"log.level", "REGREEN_LOG", "The least level that is logged: debug, info, warn or error.", "debug",
		text(func(c *Config) *string { return &c.Log.Level }, oneOf("debug", "info", "warn", "error")),
	},
	{
		storeKey, "REGREEN_STORE", "The store of outcomes: a path, or the URL of a Redis or Valkey server that others share (see docs/store.md). A password belongs into the variable, not into a file that is shared.", "rediss://cache.example.com:6379/0",
		text(func(c *Config) *string { return &c.Store }, store),
	},
	{
		"hooks", "REGREEN_HOOKS", "What each hook does about new failures: block, warn, or off not to run at all; pre-commit and post-merge may also go on at once and test in the background, which post-checkout and post-rewrite always do.", "{pre-commit: warn, post-merge: off}",
		perHook(func(c *Config) *map[githook.Name]githook.Action { return &c.Hooks }, hookAction),
	},
	{
		"budgets", "REGREEN_BUDGETS", "The budget of single hooks, before that of all.", "{pre-commit: 10s, pre-push: 2m}",
		perHook(func(c *Config) *map[githook.Name]time.Duration { return &c.Budgets }, hookDuration),
	},
	{
		"timeouts", "REGREEN_TIMEOUTS", "How long the tests of a hook may take. What has not run by then is told, does not block, and is tested at the push. Without it 3m for commits.", "{pre-commit: 1m}",
		perHook(func(c *Config) *map[githook.Name]time.Duration { return &c.Timeouts }, hookDuration),
	},
	{
		"underway", "REGREEN_UNDERWAY", "Operations during which the hooks work all the same: merge, rebase, am, cherry-pick, revert, bisect. Otherwise they stay out of the way.", "[merge]",
		list(func(c *Config) *[]string { return &c.Underway }, false, oneOf("merge", "rebase", "am", "cherry-pick", "revert", "bisect")),
	},
	{
		"documents", "REGREEN_DOCUMENTS", "Globs of files that no test reads: a commit of nothing else is not tested. Without it *.md, *.markdown, *.rst, *.adoc and licences; [none] for no file.", "['*.md', docs]",
		list(func(c *Config) *[]string { return &c.Documents }, false, pathGlob),
	},
	{
		"cache-env", "REGREEN_CACHE_ENV", "Environment variables that the tests depend on. A tree that passed with other values of them is tested again.", "[DATABASE_URL]",
		list(func(c *Config) *[]string { return &c.CacheEnv }, true, variable),
	},
}

// renamed are the former names of keys. They are read for one more release, and documented
// nowhere.
var renamed = []struct{ name, env, now string }{
	{"witness-env", "REGREEN_WITNESS_ENV", "cache-env"},
}

// find returns the key with a name, which may be a former one.
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

// storeKey names a key whose value may hold a secret; see mayHoldSecret.
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
		if err != nil || !(f > 0 && f <= 1) { // written so that NaN is refused
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
		if err != nil || !(f > 0 && f <= most) { // written so that NaN is refused
			return v.fault(hinted(fmt.Sprintf("%.40q is out of range", s), fmt.Sprintf("write a number of dollars above 0 and at most %d", most)))
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
		if err != nil || n < least || n > most {
			return v.fault(hinted(fmt.Sprintf("%.40q is out of range", s), fmt.Sprintf("write a whole number from %d to %d", least, most)))
		}
		set(c, n)
		return nil
	}
}

// list sets a list whose items pass the check; one that grows is added to what
// earlier sources gave.
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

// perHook sets what holds for single hooks, and keeps what earlier sources gave for
// others.
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
		return hinted(fmt.Sprintf("%.40q is no name of a variable", s), "letters, digits and _ make one")
	}
	return nil
}

func hinted(what, advice string) error { return &usererr.Error{What: what, Advice: advice} }

// unknown is the error about a name that is not among those that are known.
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

// line refuses what would not be one command.
func line(s string) error {
	if strings.ContainsAny(s, "\n\r\x00") {
		return hinted("must be one line", "put several commands into a script")
	}
	return nil
}

// revision refuses what git would take for an option.
func revision(s string) error {
	if strings.HasPrefix(s, "-") || strings.ContainsAny(s, "\n\r\x00 \t") {
		return hinted(fmt.Sprintf("%.40q is not a revision", s), "write a branch, a tag or a commit")
	}
	return nil
}

// identifier is the name of a strategy, language or format. Whether one of that name exists
// is checked by the package that has them.
func identifier(s string) error {
	bad := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./*", r))
	}
	if strings.ContainsFunc(s, bad) {
		return hinted(fmt.Sprintf("%.40q is not a name", s), "names have small letters, digits, dashes and slashes")
	}
	return nil
}

// channel is the name of a channel.
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
		return hinted(fmt.Sprintf("%.40q is not a glob", s), "close the bracket, or write a backslash before it")
	}
	if stem := strings.TrimSuffix(s, "/**"); s != "**" && strings.Contains(stem, "**") {
		return hinted(fmt.Sprintf("%.40q has ** where it means nothing", s), "it may stand alone or come last, after a slash")
	}
	return nil
}

func pathGlob(s string) error {
	switch {
	case strings.HasPrefix(s, "!"):
		return hinted(fmt.Sprintf("%.40q would take a rule back", s), `name the file under "allow"`)
	case slices.Contains(strings.Split(s, "/"), ".."):
		return hinted(fmt.Sprintf("%.40q leads out of the repository", s), "write a glob relative to its top")
	case strings.Trim(s, "/") == "" || strings.Contains(s, "//"):
		return hinted(fmt.Sprintf("%.40q has an empty part", s), "write it without the surplus slash")
	}
	if _, err := path.Match(s, ""); err != nil {
		return hinted(fmt.Sprintf("%.40q is not a glob", s), "close the bracket, or write a backslash before it")
	}
	return nil
}

// resultGlob takes globs of files, and - for standard output. Those that no file of the
// tree can match are refused, since what they mean would never be read.
func resultGlob(s string) error {
	if s == "-" {
		return nil
	}
	clean := path.Clean(s)
	switch {
	case path.IsAbs(s):
		return hinted(fmt.Sprintf("%.40q begins with a slash, and results are in the repository", s), "write a glob relative to its top, such as build/*.xml")
	case strings.HasSuffix(s, "/") || clean == ".":
		return hinted(fmt.Sprintf("%.40q is a folder", s), "write a glob of the files in it, such as "+path.Join(clean, "**/*.xml"))
	case slices.ContainsFunc(strings.Split(clean, "/"), func(part string) bool { return strings.EqualFold(part, ".git") }):
		return hinted(fmt.Sprintf("%.40q is in git's own folder", s), "have the test command write its results elsewhere")
	}
	return pathGlob(s)
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

// exactPath refuses globs: what is exempt has to be named.
func exactPath(s string) error {
	if strings.Contains(s, "*") {
		return hinted(fmt.Sprintf("%.40q is a glob", s), "name each file by its path")
	}
	if path.Clean(s) != s || path.IsAbs(s) || s == "." || s == ".." || strings.HasPrefix(s, "../") {
		return hinted(fmt.Sprintf("%.40q is not the path of a file", s), "write it relative to the top of the repository, without ./")
	}
	return nil
}

// store checks the scheme only; the rest is for the store to say. The message
// does not quote the value.
func store(s string) error {
	schemes := []string{"sqlite", "file", "redis", "rediss", "valkey", "valkeys", "unix"}
	scheme, _, isURL := strings.Cut(s, "://")
	if isURL && !slices.Contains(schemes, scheme) {
		return hinted("the scheme is not that of a store", "use one of "+strings.Join(schemes, ", ")+", or write a path")
	}
	return line(s)
}
