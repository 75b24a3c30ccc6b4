package gotest

import (
	"slices"
	"strings"
)

// The flags of go test, grouped by how they are handled. A command with any other flag can
// only be run by a shell.
var (
	// switchFlags take no value.
	switchFlags = []string{"race", "msan", "asan", "short", "failfast", "trimpath", "a", "work", "modcacherw", "linkshared", "buildvcs", "benchmem"}
	// valueFlags take a value, after an equals sign or in the next word.
	valueFlags = []string{
		"tags", "run", "skip", "timeout", "count", "parallel", "cpu", "shuffle", "bench", "benchtime", "vet", "exec",
		"p", "mod", "modfile", "gcflags", "ldflags", "asmflags", "buildmode", "compiler", "gccgoflags", "installsuffix", "pgo", "pkgdir", "toolexec", "fuzztime",
	}
	// outputSwitches and outputFlags only affect what is printed or written. They are dropped.
	outputSwitches = []string{"v", "json", "x", "cover", "fullpath"}
	outputFlags    = []string{
		"covermode", "coverpkg", "coverprofile", "cpuprofile", "memprofile", "memprofilerate", "blockprofile", "blockprofilerate",
		"mutexprofile", "mutexprofilefraction", "trace", "outputdir",
	}
	// runFlags are for the test binary; all other flags of a suite are for the build.
	runFlags = []string{"run", "skip", "short", "timeout", "count", "parallel", "cpu", "failfast", "shuffle", "bench", "benchtime", "benchmem", "fuzztime"}
	// testFlags are for go test itself; go list does not know them.
	testFlags = []string{"vet", "exec"}
)

// goTest splits a plain `go test [flags] [packages]`. ok is false if the words are anything
// else.
func goTest(words []string) (flags, patterns []string, ok bool) {
	if len(words) < 2 || words[0] != "go" || words[1] != "test" {
		return nil, nil, false
	}
	closed := false // a flag ends the list of packages
	for words = words[2:]; len(words) > 0; words = words[1:] {
		if !strings.HasPrefix(words[0], "-") {
			if closed {
				return nil, nil, false
			}
			patterns = append(patterns, words[0])
			continue
		}
		closed = len(patterns) > 0
		name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(words[0], "-"), "-"), "=")
		name = strings.TrimPrefix(name, "test.")
		isValue, isOutput := slices.Contains(valueFlags, name), slices.Contains(outputFlags, name)
		switch {
		case isValue, isOutput:
			if !hasValue {
				if len(words) < 2 {
					return nil, nil, false
				}
				value, words = words[1], words[1:]
			}
			if isValue {
				flags = append(flags, "-"+name+"="+value)
			}
		case slices.Contains(switchFlags, name):
			if hasValue {
				name += "=" + value
			}
			flags = append(flags, "-"+name)
		case slices.Contains(outputSwitches, name):
		default:
			return nil, nil, false
		}
	}
	if patterns == nil {
		patterns = []string{"."}
	}
	return flags, patterns, true
}

func flagName(flag string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
	return name
}

// buildFlags returns the flags that every go command takes.
func buildFlags(flags []string) []string {
	return slices.DeleteFunc(slices.Clone(flags), func(f string) bool {
		return slices.Contains(runFlags, flagName(f)) || slices.Contains(testFlags, flagName(f))
	})
}

// binaryFlags returns the flags that a test binary takes, in its spelling.
func binaryFlags(flags []string) []string {
	var out []string
	for _, f := range flags {
		if slices.Contains(runFlags, flagName(f)) {
			out = append(out, "-test."+strings.TrimLeft(f, "-"))
		}
	}
	return out
}
