package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/session"
)

// searchFlags are the flags of a search besides those of runFlags.
func searchFlags(fs *pflag.FlagSet, flags *session.Flags) {
	fs.DurationVar(&flags.Budget, "budget", 0, "how long to search once the failures are known (default by mode)")
	fs.Float64Var(&flags.MaxCost, "max-cost", 0, "`DOLLARS` that the strategies may spend (default: none runs that costs money)")
	fs.StringVar(&flags.Apply, "apply", "", "`auto|always|never`: whether a verified patch is applied (default auto)")
	fs.Uint64Var(&flags.Seed, "seed", 0, "seed of every random choice (default 1)")
	fs.IntVar(&flags.Jobs, "jobs", 0, "workers (default one per core)")
	fs.StringVar(&flags.Shard, "shard", "", "search only the `i/n`-th part of all candidates, and apply nothing")
	fs.StringVar(&flags.Validator, "validator", "auto", "for debugging, how candidates are tested: auto, inprocess, process or overlay")
	fs.StringVar(&flags.Store, "store", "", "`URL` or path of the store of outcomes (default in the state directory)")
	fs.StringSliceVar(&flags.Strategies, "strategies", nil, "only these, as `LIST` of names or groups (regreen strategies lists them)")
	fs.StringSliceVar(&flags.Exclude, "exclude-strategies", nil, "all but these, as `LIST` of names or groups")
}

func (a *app) runFlags(cmd *cobra.Command, flags *session.Flags, out *outputs) {
	fs := cmd.Flags()
	testFlags(fs, flags)
	outputFlags(fs, out)
}

// outputFlags say where the report is written besides.
func outputFlags(fs *pflag.FlagSet, out *outputs) {
	fs.StringVar(&out.json, "json", "", "write the report as JSON to `FILE` (- for standard output)")
	fs.StringArrayVar(&out.formats, "report", nil, "write the report as `FORMAT=FILE`, FORMAT one of "+report.FormatNames()+"; may be repeated")
}

// testFlags say what is tested.
func testFlags(fs *pflag.FlagSet, flags *session.Flags) {
	fs.StringVar(&flags.Test, "test", "", "test `CMD` (default: found by itself)")
	fs.StringSliceVar(&flags.Results, "results", nil, "read what CMD writes to the files of this `GLOB`, or - to standard output; may be repeated")
	fs.StringSliceVar(&flags.Lang, "lang", nil, "test only these languages, as a `LIST` of names (default: all that have tests)")
	fs.StringVar(&flags.Base, "base", "", "revision to compare with (default: found by itself)")
}
