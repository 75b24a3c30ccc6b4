package main

import (
	"github.com/spf13/pflag"

	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
)

// testFlags are the flags that say what is tested.
func testFlags(fs *pflag.FlagSet, flags *session.Flags) {
	fs.StringVar(&flags.Test, "test", "", "run the tests with `CMD` (default: detected)")
	fs.StringSliceVar(&flags.Results, "results", nil, "read the results that CMD writes to files matching `GLOB`, or - for its standard output; can be repeated")
	fs.StringSliceVar(&flags.Lang, "lang", nil, "test only the languages in `LIST` (default: all that have tests)")
	fs.StringVar(&flags.Base, "base", "", "compare with revision `REV` (default: detected)")
	fs.BoolVar(&flags.NoCache, "no-cache", false, "run failing tests again even if it is known how they fail in the tree and the base")
}

// searchFlags are the flags of a search, without those of testFlags.
func searchFlags(fs *pflag.FlagSet, flags *session.Flags) {
	fs.StringVar(&flags.Apply, "apply", "", "`WHEN` to apply a verified patch: auto, always or never (default auto)")
	fs.DurationVar(&flags.Budget, "budget", 0, "search for at most `DURATION` once the failures are known (default: depends on the mode)")

	fs.StringSliceVar(&flags.Strategies, "strategies", nil, "use only the strategies or groups in `LIST`; regreen strategies lists them")
	fs.StringSliceVar(&flags.Exclude, "exclude-strategies", nil, "use all but the strategies or groups in `LIST`")
	fs.Float64Var(&flags.MaxCost, "max-cost", 0, "let strategies that cost money spend up to `DOLLARS` (default: they do not run)")
	fs.IntVar(&flags.Jobs, "jobs", 0, "use `N` workers (default: one per core)")
	fs.Uint64Var(&flags.Seed, "seed", 0, "seed every random choice with `N` (default 1)")
	fs.StringVar(&flags.Store, "store", "", "learn from the outcomes in the store at `URL` or path (default: the state directory)")
	fs.StringVar(&flags.Shard, "shard", "", "search only part `I/N` of the candidates, and apply nothing: to share a search among machines that have the same tree, configuration and seed; regreen report --merge combines their reports")
	group(fs, "Search flags", "strategies", "exclude-strategies", "max-cost", "jobs", "seed", "store", "shard")

	fs.StringVar(&flags.Validator, "validator", "auto", "test candidates by `METHOD`: auto, inprocess, process or overlay")
	group(fs, "Debugging flags", "validator")
}

// outputFlags are the flags for the files that the report is written to.
func outputFlags(fs *pflag.FlagSet, out *outputs) {
	fs.StringVar(&out.json, "json", "", "write the report as JSON to `FILE` (- for standard output)")
	fs.StringArrayVar(&out.formats, "report", nil, "write the report as `FORMAT=FILE`; can be repeated. Formats: "+report.FormatNames())
	group(fs, "Output flags", "json", "report")
}
