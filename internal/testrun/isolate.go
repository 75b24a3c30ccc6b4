package testrun

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// gitLocal are the variables that tie a git process to one repository, as listed by `git
// rev-parse --local-env-vars`. Hooks run with them set; a test that then runs git would work
// on the user's repository instead of its own.
//
// GIT_CONFIG_COUNT is on git's list and still passes: with its keys and values it carries
// the credentials for private dependencies.
var gitLocal = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_OBJECT_DIRECTORY",
	"GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE",
	"GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_INTERNAL_SUPER_PREFIX",
	"GIT_SHALLOW_FILE", "GIT_COMMON_DIR",
	// Not on that list but similar: git sets them for its children, for a quarantine, an
	// editor or the reflog.
	"GIT_QUARANTINE_PATH", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES", "GIT_REFLOG_ACTION", "GIT_EDITOR",
}

// needed are variables that look like secrets but are needed to fetch private dependencies.
var needed = []string{"GIT_ASKPASS", "SSH_ASKPASS", "SSH_AUTH_SOCK", "GOAUTH"}

// neededName matches the families of git's authentication variables.
var neededName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^GIT_(CONFIG_(COUNT|KEY_\d+|VALUE_\d+)|SSH(_\w+)?|ALLOW_PROTOCOL|EXEC_PATH|SSL_\w+)$`)
})

// secretName matches the names of variables that hold secrets.
var secretName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIAL|(^|_)(AUTH|PAT|PGPASS)(_|$)|AUTHORIZATION|^ACTIONS_(RUNTIME|ID_TOKEN|CACHE_URL|RESULTS_URL)`)
})

// secretValue matches the tokens of well-known services, whatever the variable is called.
var secretValue = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(ghp_|gho_|ghu_|ghs_|ghr_|github_pat_|glpat-|gldt-|sk-|sk_live_|rk_live_|xox[abeoprs]-|AKIA|ASIA|AIza|npm_|pypi-|dop_v1_|hf_|ya29\.|eyJhbGci|-----BEGIN [A-Z ]*PRIVATE KEY)`)
})

// Isolate returns the environment that tests may see: environ without the variables that tie
// git to one repository, without secrets, and with regreen switched off, so that a test that
// commits does not start it again. The order is kept.
func Isolate(environ []string) []string {
	isolated := make([]string, 0, len(environ)+1)
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || !mayPass(name, value) {
			continue
		}
		isolated = append(isolated, entry)
	}
	return append(isolated, "REGREEN=0")
}

func mayPass(name, value string) bool {
	switch {
	case slices.Contains(needed, name), neededName().MatchString(name):
		return true
	case slices.Contains(gitLocal, name), name == runVariable, name == "PWD", name == "OLDPWD":
		return false
	case name == "REGREEN", strings.HasPrefix(name, "REGREEN_"): // regreen's settings and the secrets of its channels
		return false
	}
	return !secretName().MatchString(name) && !secretValue().MatchString(value)
}
