package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regreen-ci/regreen/internal/usererr"
)

// flagGroup is the annotation that holds the heading of a flag in the help.
const flagGroup = "regreen_group"

// group puts flags under a heading of their own, after the others.
func group(fs *pflag.FlagSet, title string, names ...string) {
	for _, name := range names {
		f := fs.Lookup(name)
		if f.Annotations == nil {
			f.Annotations = make(map[string][]string)
		}
		f.Annotations[flagGroup] = []string{title}
	}
}

// renamed keeps the old name of a flag working for one release. The help does not list it.
func renamed(fs *pflag.FlagSet, old, name string) {
	f := *fs.Lookup(name)
	f.Name, f.Hidden = old, true
	fs.AddFlag(&f)
}

// helpCommand replaces cobra's, which exits with 0 when there is no such command.
func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Show the help of a command", Example: "  regreen help fix",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return &usererr.UsageError{What: fmt.Sprintf("unknown command %q", strings.Join(args, " ")), Advice: "regreen --help lists the commands"}
			}
			return about.Help()
		},
	}
}

// help prints what a command does, its usage, examples and flags.
func (a *app) help(cmd *cobra.Command, out io.Writer) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(out, "%s\n\nUsage:\n  %s\n", strings.TrimSpace(text), usageLine(cmd))
	rest := "Commands:"
	for _, g := range cmd.Groups() {
		helpCommands(out, g.Title, cmd, g.ID)
		rest = "Other commands:"
	}
	helpCommands(out, rest, cmd, "")
	if cmd.Example != "" {
		fmt.Fprintf(out, "\nExamples:\n%s\n", cmd.Example)
	}
	cmd.Flags().SortFlags = false
	titles, flags := []string{"Flags:"}, make(map[string][]*pflag.Flag)
	sort := func(fs *pflag.FlagSet, title string) {
		fs.VisitAll(func(f *pflag.Flag) {
			title := title
			if g := f.Annotations[flagGroup]; len(g) > 0 {
				title = g[0] + ":"
			}
			switch {
			case f.Hidden:
				return
			case title != titles[0] && flags[title] == nil:
				titles = append(titles, title)
			}
			flags[title] = append(flags[title], f)
		})
	}
	sort(cmd.LocalFlags(), "Flags:")
	sort(cmd.InheritedFlags(), "Global flags:")
	for _, title := range titles {
		if len(flags[title]) > 0 {
			fmt.Fprintf(out, "\n%s\n", title)
			a.helpFlags(out, flags[title])
		}
	}
	if !cmd.HasParent() {
		fmt.Fprint(out, "\nExit status:\n  0    green, or fixed\n  1    red\n  2    bad usage or configuration\n  3    the tests could not be run\n  130  interrupted\n")
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(out, "\nUse \"%s COMMAND --help\" for more about a command.\n", cmd.CommandPath())
	}
}

func usageLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " COMMAND [flags]"
	}
	return cmd.UseLine()
}

func helpCommands(out io.Writer, title string, cmd *cobra.Command, id string) {
	width, shown := 0, false
	for _, c := range cmd.Commands() {
		width = max(width, len(c.Name()))
	}
	for _, c := range cmd.Commands() {
		if c.GroupID != id || c.Hidden {
			continue
		}
		if !shown {
			fmt.Fprintf(out, "\n%s\n", title)
			shown = true
		}
		fmt.Fprintf(out, "  %-*s  %s\n", width, c.Name(), c.Short)
	}
}

// helpFlags prints a table of flags, with descriptions that wrap.
func (a *app) helpFlags(out io.Writer, flags []*pflag.Flag) {
	var left, right []string
	width := 0
	for _, f := range flags {
		name, usage := pflag.UnquoteUsage(f)
		short := "    "
		if f.Shorthand != "" {
			short = "-" + f.Shorthand + ", "
		}
		l := strings.TrimRight("  "+short+"--"+f.Name+" "+name, " ")
		switch f.DefValue {
		case "", "0", "0s", "false", "[]":
		default:
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		left, right = append(left, l), append(right, usage)
		width = max(width, len(l))
	}
	for i, l := range left {
		lines := wrap(right[i], max(a.width-width-3, 30))
		for j, line := range lines {
			if j > 0 {
				l = ""
			}
			fmt.Fprintf(out, "%-*s   %s\n", width, l, line)
		}
	}
}

// wrap breaks text into lines of at most width characters where its words allow.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
