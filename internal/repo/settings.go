package repo

import (
	"context"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// setting is one value of git's configuration.
type setting struct {
	scope string // system, global, local, worktree, command
	key   string // section and variable in lower case, as git prints them
	value string
	bare  bool // no value was given, which means true
}

// configuration returns the configuration in force, in the order of precedence: later values win.
func (r *Repo) configuration(ctx context.Context) ([]setting, error) {
	out, err := r.git.output(ctx, "config", "--list", "--show-scope", "-z")
	if err != nil {
		return nil, err
	}
	fields := splitNames(out)
	list := make([]setting, 0, len(fields)/2)
	for i := 0; i+1 < len(fields); i += 2 {
		s := setting{scope: fields[i]}
		var given bool
		s.key, s.value, given = strings.Cut(fields[i+1], "\n")
		s.bare = !given
		list = append(list, s)
	}
	return list, nil
}

// last returns the last value of a key, or "".
func last(list []setting, key string) string {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].key == key {
			return list[i].value
		}
	}
	return ""
}

var (
	// identity is carried from any scope, because git may include a file of the user's only for
	// repositories in certain directories.
	identity = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(user|author|committer)\.(name|email)$`) })
	// carried are the settings of the repository that an export has as well: how files are written
	// and read, and what branches and remotes mean. None of them runs a program, except for the
	// filters that files of the tree ask for.
	carried = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(core\.(autocrlf|eol|safecrlf|checkroundtripencoding|filemode|symlinks|ignorecase|precomposeunicode|protecthfs|protectntfs|longpaths|attributesfile|excludesfile|quotepath|abbrev|bigfilethreshold|usereplacerefs)` +
			`|filter\..*\.(clean|smudge|process|required)` +
			`|remote\..*\.(url|fetch|tagopt)` +
			`|branch\..*\.(remote|merge|rebase|description)` +
			`|submodule\..*\.(active|url))$`)
	})
)

// pushNowhere is the address to which an export pushes. Git knows no such transport, and says so.
const pushNowhere = "no-push://from-an-export-of-regreen"

// carry returns the settings of an export: the safe ones among those of the repository with this
// root, and those that keep git from starting programs or asking for keys.
func carry(list []setting, root string) []setting {
	out := []setting{
		{key: "core.bare", value: "false"},
		{key: "core.logallrefupdates", value: "true"},
		{key: "core.fsmonitor", value: "false"},
		{key: "gc.auto", value: "0"},
		{key: "maintenance.auto", value: "false"},
		{key: "commit.gpgsign", value: "false"},
		{key: "tag.gpgsign", value: "false"},
	}
	remotes := make(map[string]bool)
	for _, s := range list {
		if name, ok := remoteName(s.key); ok && s.own() {
			remotes[name] = true
		}
	}
	for _, s := range list {
		switch {
		case s.scope == "command", !identity().MatchString(s.key) && !(s.own() && carried().MatchString(s.key)):
			continue
		case strings.HasPrefix(s.key, "branch.") && strings.HasSuffix(s.key, ".remote") && s.value != "." && !remotes[s.value]:
			continue // an address
		case strings.HasSuffix(s.key, ".url"):
			s.value = harmlessURL(s.value, root)
		}
		out = append(out, s)
	}
	for _, name := range slices.Sorted(maps.Keys(remotes)) {
		out = append(out, setting{key: "remote." + name + ".pushurl", value: pushNowhere})
	}
	return out
}

// own reports whether the setting is one of the repository, and not of the user or the machine.
func (s setting) own() bool { return s.scope == "local" || s.scope == "worktree" }

// remoteName returns the name of the remote that a key gives an address.
func remoteName(key string) (string, bool) {
	name, ok := strings.CutPrefix(key, "remote.")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(name, ".url")
}

// harmlessURL returns the address of a remote without a password, and with an absolute path if it
// is one on this machine.
func harmlessURL(address, root string) string {
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil || u.User == nil || u.Scheme != "http" && u.Scheme != "https" {
			return address
		}
		u.User = nil // tokens are written as names, too
		return u.String()
	}
	before, _, colon := strings.Cut(address, ":")
	if colon && !strings.Contains(before, "/") || address == "" || filepath.IsAbs(address) {
		return address // host:path, or C:\path
	}
	return filepath.ToSlash(filepath.Join(root, filepath.FromSlash(address)))
}

// formatSettings returns the content of a configuration file.
func formatSettings(list []setting) string {
	var b strings.Builder
	header := ""
	for _, s := range list {
		section, name := s.key, ""
		if at := strings.LastIndexByte(section, '.'); at >= 0 {
			section, name = section[:at], section[at+1:]
		}
		section, sub, has := strings.Cut(section, ".")
		if has {
			section += ` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(sub) + `"`
		}
		if section != header {
			b.WriteString("[" + section + "]\n")
			header = section
		}
		b.WriteString("\t" + name)
		if !s.bare {
			b.WriteString(` = "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\b", `\b`).Replace(s.value) + `"`)
		}
		b.WriteString("\n")
	}
	return b.String()
}
