package testrun

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// gitLocal are the variables that tie a git process to one repository, as `git
// rev-parse --local-env-vars` lists them. A test that runs git with them set, as
// hooks do, works on the user's repository instead of its own.
//
// GIT_CONFIG_COUNT, although git lists it, stays: with its keys and values it
// carries the authentication that private dependencies are fetched with.
var gitLocal = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_OBJECT_DIRECTORY",
	"GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE",
	"GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_INTERNAL_SUPER_PREFIX",
	"GIT_SHALLOW_FILE", "GIT_COMMON_DIR",
	// Not in that list, but of the same nature: set for the children of one git
	// process, about its quarantine, its editor or its reflog.
	"GIT_QUARANTINE_PATH", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES", "GIT_REFLOG_ACTION", "GIT_EDITOR",
}

// needed are variables whose names look like secrets, but which fetching private
// dependencies needs.
var needed = []string{"GIT_ASKPASS", "SSH_ASKPASS", "SSH_AUTH_SOCK", "GOAUTH"}

// neededName matches the families of git's authentication variables.
var neededName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^GIT_(CONFIG_(COUNT|KEY_\d+|VALUE_\d+)|SSH(_\w+)?|ALLOW_PROTOCOL|EXEC_PATH|SSL_\w+)$`)
})

// secretName matches names that say that the value is a secret.
var secretName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIAL|(^|_)(AUTH|PAT|PGPASS)(_|$)|AUTHORIZATION|^ACTIONS_(RUNTIME|ID_TOKEN|CACHE_URL|RESULTS_URL)`)
})

// secretValue matches values that the well-known services give out as tokens,
// whatever the variable is called.
var secretValue = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(ghp_|gho_|ghu_|ghs_|ghr_|github_pat_|glpat-|gldt-|sk-|sk_live_|rk_live_|xox[abeoprs]-|AKIA|ASIA|AIza|npm_|pypi-|dop_v1_|hf_|ya29\.|eyJhbGci|-----BEGIN [A-Z ]*PRIVATE KEY)`)
})

// Seal is the environment that tests may see: environ without what ties git to
// one repository, without secrets, and with regreen switched off, so that a test
// which commits does not start it again. The order is kept.
func Seal(environ []string) []string {
	sealed := make([]string, 0, len(environ)+1)
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || !mayPass(name, value) {
			continue
		}
		sealed = append(sealed, entry)
	}
	return append(sealed, "REGREEN=0")
}

func mayPass(name, value string) bool {
	switch {
	case slices.Contains(needed, name), neededName().MatchString(name):
		return true
	case slices.Contains(gitLocal, name), name == runVariable, name == "PWD", name == "OLDPWD":
		return false
	case name == "REGREEN", strings.HasPrefix(name, "REGREEN_"): // settings of regreen's, and the secrets of its channels
		return false
	}
	return !secretName().MatchString(name) && !secretValue().MatchString(value)
}
