// Package session opens what a command works with: the repository, its configuration, the
// detected environment, the log and the store of outcomes. For both binaries, it is the one
// place that combines flags, configuration and the defaults of the mode.
//
// Non-goals: doing the work (package repair), and printing (the commands).
package session

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regreen-ci/regreen/internal/adaptlog"
	"github.com/regreen-ci/regreen/internal/config"
	"github.com/regreen-ci/regreen/internal/detect"
	"github.com/regreen-ci/regreen/internal/githook"
	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/lang/all"
	"github.com/regreen-ci/regreen/internal/learn"
	"github.com/regreen-ci/regreen/internal/propose"
	"github.com/regreen-ci/regreen/internal/repair"
	"github.com/regreen-ci/regreen/internal/repo"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
	"github.com/regreen-ci/regreen/internal/validate"
)

// Input is the process's input.
type Input struct {
	Dir      string       // the repository, or a directory in it
	Environ  []string     // of the process
	Hook     githook.Name // "" outside a hook
	HookArgs []string
	Terminal bool      // standard error is a terminal
	Stderr   io.Writer // for the log
	Verbose  bool

	Flags Flags
	// Store is the path of the store if neither flags nor configuration name one; "" for the
	// store in the state directory.
	Store string
}

// Flags are the settings of a command line. Zero values were not set.
type Flags struct {
	Test, Base, Apply, Store string
	Budget                   time.Duration
	MaxCost                  float64 // dollars
	Seed                     uint64
	Jobs                     int
	Results, Lang            []string
	Strategies, Exclude      []string
	Validator                string
	Shard                    string // I/N
	NoCache                  bool   // run tests whose outcome is remembered
}

// Session holds what a command works with. Call Close when done.
type Session struct {
	Repo        *repo.Repo
	Config      config.Config
	Environment detect.Environment
	Defaults    detect.Defaults
	Log         *slog.Logger
	Store       learn.Store
	StoreWhy    string // why the configured store is not used, or ""

	notes         []string // for the reports
	in            Input
	file          *adaptlog.File
	detectSeconds float64
}

// maxPayload is the most bytes of an event's payload that are read.
const maxPayload = 25 << 20

// Open finds the repository and reads everything that does not need the tests.
func Open(ctx context.Context, in Input) (*Session, error) {
	start := time.Now()
	rp, err := repo.Open(ctx, in.Dir, in.Environ)
	if err != nil {
		return nil, err
	}
	getenv := config.Getenv(in.Environ)
	cfg, err := config.Load(rp.Root(), getenv)
	if err != nil {
		return nil, err
	}
	s := &Session{Repo: rp, Config: cfg, notes: config.Stray(rp.Root()), in: in}
	rp.Carry(cfg.Carry)
	for _, glob := range rp.Uncarried() {
		s.notes = append(s.notes, fmt.Sprintf("carry: has %s, which matches nothing in the working tree", glob))
	}
	if in.Flags.Base != "" {
		// Other bases are guesses: if one does not exist, the next may.
		if _, err := rp.Resolve(ctx, in.Flags.Base); err != nil {
			return nil, err
		}
	}
	if err := s.detect(ctx, cmp.Or(in.Flags.Base, cfg.Base)); err != nil {
		return nil, err
	}
	if cfg.Base != "" && in.Flags.Base == "" && s.deepen() == nil {
		if _, err := rp.Resolve(ctx, cfg.Base); err != nil {
			s.notes = append(s.notes, fmt.Sprintf("ignored base: in the configuration: %v", err))
			if err := s.detect(ctx, ""); err != nil {
				return nil, err
			}
		}
	}
	s.Defaults = s.Environment.Defaults()
	s.openLog(getenv)
	if err := s.openStore(ctx, cmp.Or(in.Flags.Store, cfg.Store)); err != nil {
		return nil, err
	}
	s.detectSeconds = time.Since(start).Seconds()
	return s, nil
}

// detect finds out where this is, and what to compare with unless base is set.
func (s *Session) detect(ctx context.Context, base string) (err error) {
	getenv := config.Getenv(s.in.Environ)
	s.Environment, err = repair.Where(ctx, s.Repo, detect.Input{
		Getenv: getenv, Hook: s.in.Hook, HookArgs: s.in.HookArgs, EventPayload: payload(getenv("GITHUB_EVENT_PATH")),
		Terminal: s.in.Terminal, BaseFlag: base, Protected: s.Config.Protected,
	})
	return err
}

func payload(name string) []byte {
	if name == "" {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxPayload))
	if err != nil {
		return nil
	}
	return b
}

func (s *Session) openLog(getenv func(string) string) {
	format := cmp.Or(s.Config.Log.Format, s.Defaults.LogFormat)
	level := slog.LevelWarn // on the terminal; the file has more
	if s.Config.Log.Level != "" {
		_ = level.UnmarshalText([]byte(s.Config.Log.Level)) // config has checked it
	}
	if s.in.Verbose {
		level = slog.LevelDebug
	}
	var terminal slog.Handler
	if format == "json" {
		terminal = slog.NewJSONHandler(s.in.Stderr, &slog.HandlerOptions{Level: level})
	} else {
		terminal = adaptlog.NewText(s.in.Stderr, adaptlog.TextOptions{Level: level, Color: s.in.Terminal && getenv("NO_COLOR") == ""})
	}
	sinks := []slog.Handler{terminal}
	if file, err := adaptlog.NewFile(filepath.Join(s.Repo.StateDir(), "log"), adaptlog.FileOptions{}); err == nil {
		s.file = file
		sinks = append(sinks, file)
	}
	quiet := min(level, slog.LevelInfo) // until something goes wrong
	s.Log = slog.New(adaptlog.New(adaptlog.Options{Level: quiet, Redact: report.Secrets(s.in.Environ)}, sinks...))
}

// Repair returns the options of a run on one source.
func (s *Session) Repair(source repo.Source, version string, progress repair.Progress) (repair.Options, error) {
	f, cfg := s.in.Flags, s.Config
	chosen := orList(f.Lang, cfg.Lang)
	languages, err := lang.Select(all.Languages, chosen)
	if err != nil {
		return repair.Options{}, &usererr.UsageError{Err: err}
	}
	if err := config.CheckResults(f.Results); err != nil {
		return repair.Options{}, &usererr.UsageError{Where: "--results", Err: err}
	}
	command, results := cmp.Or(f.Test, cfg.Test), orList(f.Results, cfg.Results)
	if f.Test != "" && len(f.Results) == 0 {
		results = nil // the configured ones belong to the configured command
	}
	strategies, err := Select(lang.Strategies(languages), orList(f.Strategies, cfg.Strategies), append(slices.Clone(f.Exclude), cfg.ExcludeStrategies...))
	if err != nil {
		return repair.Options{}, err
	}
	policy := cmp.Or(f.Apply, cfg.Apply, s.Defaults.Policy)
	if policy != detect.Auto && policy != detect.Always && policy != detect.Never {
		return repair.Options{}, &usererr.UsageError{What: fmt.Sprintf("--apply %q is not one of auto, always, never", policy)}
	}
	if f.Validator != "" && !slices.Contains(validate.Modes, validate.Mode(f.Validator)) {
		return repair.Options{}, &usererr.UsageError{What: fmt.Sprintf("--validator %q is not one of auto, inprocess, process, overlay", f.Validator)}
	}
	shard, err := parseShard(f.Shard)
	if err != nil {
		return repair.Options{}, err
	}
	return repair.Options{
		Subject: repair.Subject{
			Repo: s.Repo, Source: source, Environment: s.Environment, Environ: s.in.Environ,
			Command: command, Results: results, Languages: languages, Chosen: chosen,
			Version: version, Config: fingerprint(cfg), DetectSeconds: s.detectSeconds, Notes: s.notes,
		},
		Limits: repair.Limits{
			Budget:  positive(f.Budget, cfg.Budgets[s.in.Hook], cfg.Budget, s.Defaults.Budget),
			Timeout: cfg.Timeout, FirstRun: positive(cfg.Timeouts[s.in.Hook], s.Defaults.Within),
			Jobs:       positive(f.Jobs, cfg.Jobs, runtime.NumCPU()),
			Dollars:    s.maxCost(),
			Strategies: strategies, Screening: validate.Mode(f.Validator), Seed: positive(f.Seed, cfg.Seed, 1), Shard: shard,
		},
		Decision: repair.Decision{Policy: policy, Confidence: cfg.Confidence, Editable: cfg.Editable},
		Hooks:    repair.Hooks{Log: s.Log, Progress: progress, Store: s.Store, Memory: s.memory(command, results, chosen), Deepen: s.deepen()},
	}, nil
}

// maxCost returns how many dollars a run may spend. It ignores the configuration files of a fork
// or a bot, whose change may have written them.
func (s *Session) maxCost() float64 {
	configured := s.Config.MaxCost
	if e := s.Environment; (e.Fork || e.Restricted) && config.Getenv(s.in.Environ)("REGREEN_MAX_COST") == "" {
		configured = 0
	}
	return positive(s.in.Flags.MaxCost, configured)
}

// parseShard parses I/N; "" is the zero Shard.
func parseShard(text string) (report.Shard, error) {
	if text == "" {
		return report.Shard{}, nil
	}
	index, of, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(index)
	n, err2 := strconv.Atoi(of)
	if err != nil || err2 != nil || i < 1 || i > n || n > report.MaxShards {
		return report.Shard{}, &usererr.UsageError{
			What:   fmt.Sprintf("--shard %q is not I/N with I from 1 to N, and N up to %d", text, report.MaxShards),
			Advice: "for the second of four machines: --shard 2/4",
		}
	}
	return report.Shard{Index: i, Total: n}, nil
}

// fetchTime is the longest that fetching a base may take. After that, the run continues without the
// base.
const fetchTime = 2 * time.Minute

// deepen returns a func that fetches bases missing from the shallow clones of CI, or nil: on a
// developer's machine, regreen does not fetch.
func (s *Session) deepen() func(context.Context, string) error {
	if s.Environment.Mode != detect.Production || s.in.Hook != "" {
		return nil
	}
	getenv := config.Getenv(s.in.Environ)
	login := repo.Login{Server: getenv("GITHUB_SERVER_URL")}
	if token := getenv("GITHUB_TOKEN"); token != "" && login.Server != "" {
		login.Header = "Authorization: basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token))
	}
	return func(ctx context.Context, rev string) error {
		ctx, cancel := context.WithTimeout(ctx, fetchTime)
		defer cancel()
		return s.Repo.Deepen(ctx, rev, login)
	}
}

// fingerprint returns a hash of a configuration, without the store: that does not matter to a
// replay, and its URL may contain a password.
func fingerprint(cfg config.Config) string {
	cfg.Store = ""
	h := sha256.New()
	fmt.Fprintf(h, "%+v", cfg)
	return hex.EncodeToString(h.Sum(nil))
}

// Close flushes the log and the store.
func (s *Session) Close() error {
	var errs []error
	if s.Store != nil {
		errs = append(errs, s.Store.Close())
	}
	if s.file != nil {
		errs = append(errs, s.file.Close())
	}
	return errors.Join(errs...)
}

// Select returns the strategies in only, or all if it is empty, without the excluded ones. A
// name that ends in / means a group. An unknown name is an error.
func Select(all []propose.Strategy, only, exclude []string) ([]propose.Strategy, error) {
	matches := func(name, pattern string) bool {
		return name == pattern || strings.HasPrefix(name, strings.TrimSuffix(pattern, "/")+"/")
	}
	for _, pattern := range slices.Concat(only, exclude) {
		if !slices.ContainsFunc(all, func(s propose.Strategy) bool { return matches(s.Name, pattern) }) {
			usage := &usererr.UsageError{What: fmt.Sprintf("unknown strategy %q", pattern), Advice: "regreen strategies lists them"}
			if meant := nearestStrategy(pattern, all); meant != "" {
				usage.Advice = "did you mean " + meant + "? " + usage.Advice
			}
			return nil, usage
		}
	}
	var out []propose.Strategy
	for _, s := range all {
		named := len(only) == 0 || slices.ContainsFunc(only, func(p string) bool { return matches(s.Name, p) })
		excluded := slices.ContainsFunc(exclude, func(p string) bool { return matches(s.Name, p) })
		if named && !excluded {
			out = append(out, s)
		}
	}
	return out, nil
}

// nearestStrategy returns the name or group that was probably meant, or "". It also finds a
// name that was given without its group.
func nearestStrategy(name string, all []propose.Strategy) string {
	var whole, ends []string
	byEnd := make(map[string]string)
	for _, s := range all {
		whole = append(whole, s.Name)
		if group, end, ok := strings.Cut(s.Name, "/"); ok {
			if !slices.Contains(whole, group+"/") {
				whole = append(whole, group+"/")
			}
			byEnd[end] = s.Name
			ends = append(ends, end)
		}
	}
	if meant := config.Nearest(name, whole); meant != "" {
		return meant
	}
	return byEnd[config.Nearest(name, ends)]
}

// orList returns the first list that is not empty.
func orList(lists ...[]string) []string {
	for _, l := range lists {
		if len(l) > 0 {
			return l
		}
	}
	return nil
}

// positive returns the first positive value, or 0.
func positive[T int | uint64 | float64 | time.Duration](values ...T) T {
	for _, v := range values {
		if v > 0 {
			return v
		}
	}
	return 0
}
