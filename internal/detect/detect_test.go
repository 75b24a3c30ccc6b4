package detect

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regreen-ci/regreen/internal/channels"
)

// Object names in a history that forked off at fork, was pushed up to pushed and is now at head.
var (
	head   = strings.Repeat("a", 40)
	fork   = strings.Repeat("b", 40)
	pushed = strings.Repeat("c", 40)
	orig   = strings.Repeat("d", 40)
	zeros  = strings.Repeat("0", 40)
)

// environ is an environment as a map.
type environ map[string]string

func (e environ) getenv(name string) string { return e[name] }

func feature() Git {
	return Git{
		Branch: "feature", Head: head, Upstream: "origin/feature", UpstreamBase: pushed,
		DefaultBranch: "main", DefaultBase: fork, RemoteURL: "git@github.com:acme/widget.git",
	}
}

func onMain(base string) Git {
	return Git{Branch: "main", Head: head, Upstream: "origin/main", UpstreamBase: base, DefaultBranch: "main", DefaultBase: head}
}

func TestBase(t *testing.T) {
	t.Parallel()
	detached := Git{Head: head, DefaultBranch: "main", DefaultBase: fork}
	triangular := feature()
	triangular.Upstream = "upstream/next"
	for _, tt := range []struct {
		name string
		in   Input
		want []string
	}{
		{"no commit", Input{Git: Git{Branch: "main"}}, nil},
		{"no commit, pre-commit", Input{Hook: "pre-commit", Git: Git{Branch: "main"}}, nil},
		{"flag", Input{BaseFlag: "v1.2", Git: feature()}, []string{"v1.2"}},
		{"flag in a hook", Input{BaseFlag: "v1.2", Hook: "pre-commit", Git: feature()}, []string{"v1.2"}},
		{"pre-commit", Input{Hook: "pre-commit", Git: feature()}, []string{head}},
		{"post-commit", Input{Hook: "post-commit", Git: feature()}, []string{head + "~1"}},
		{"merge", Input{Hook: "post-merge", HookArgs: []string{"0"}, Git: Git{Branch: "main", Head: head, OrigHead: orig}}, []string{orig, head + "~1"}},
		{"merge, stale ORIG_HEAD", Input{Hook: "post-merge", HookArgs: []string{"0"}, Git: Git{Branch: "main", Head: head, OrigHead: head}}, []string{head + "~1"}},
		{"squash", Input{Hook: "post-merge", HookArgs: []string{"1"}, Git: Git{Branch: "main", Head: head, OrigHead: orig}}, []string{head}},
		{"checkout of a branch", Input{Hook: "post-checkout", HookArgs: []string{orig, head, "1"}, Git: feature()}, []string{orig, fork, pushed, head + "~1"}},
		{"checkout of files", Input{Hook: "post-checkout", HookArgs: []string{head, head, "0"}, Git: feature()}, []string{head}},
		{"new worktree", Input{Hook: "post-checkout", HookArgs: []string{zeros, head, "1"}, Git: onMain(head)}, []string{head + "~1"}},
		{"hook without its arguments", Input{Hook: "post-checkout", Git: onMain(head)}, []string{head + "~1"}},
		{"amend", Input{Hook: "post-rewrite", HookArgs: []string{"amend"}, Git: feature()}, []string{head + "~1"}},
		{"rebase", Input{Hook: "post-rewrite", HookArgs: []string{"rebase"}, Git: feature()}, []string{fork, pushed, head + "~1"}},
		{"push", Input{Hook: "pre-push", HookArgs: []string{"origin", "url"}, Git: feature()}, []string{pushed, fork, head + "~1"}},
		{"feature", Input{Git: feature()}, []string{fork, pushed}},
		{"feature with another branch as upstream", Input{Git: triangular}, []string{pushed, fork}},
		{"main, ahead", Input{Git: onMain(pushed)}, []string{pushed}},
		{"main, nothing ahead", Input{Git: onMain(head)}, []string{head}},
		{"no remote", Input{Git: Git{Branch: "main", Head: head, DefaultBranch: "main", DefaultBase: head}}, []string{head}},
		{"nothing known", Input{Git: Git{Head: head}}, []string{head}},
		{"merging", Input{Git: Git{Branch: "feature", Head: head, DefaultBranch: "main", DefaultBase: fork, MergeInProgress: true}}, []string{head, fork}},
		{"detached", Input{Git: detached}, []string{fork}},
		{"CI, main, no other variables", Input{Getenv: environ{"CI": "true"}.getenv, Git: onMain(head)}, []string{head + "~1"}},
		{"CI, feature, no other variables", Input{Getenv: environ{"CI": "true"}.getenv, Git: detached}, []string{fork, head + "~1"}},
		{"hook inside CI", Input{Getenv: environ{"CI": "true"}.getenv, Hook: "pre-commit", Git: feature()}, []string{head}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := Detect(tt.in)
			var got []string
			for _, b := range env.Bases {
				got = append(got, b.Rev)
				if b.Why == "" {
					t.Errorf("base %s without a reason", b.Rev)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("bases (-want +got):\n%s", diff)
			}
			if env.BaseWhy == "" {
				t.Error("no reason for the base, or for having none")
			}
		})
	}
}

func TestMode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		in     Input
		mode   Mode
		event  string
		reason string
	}{
		{"plain", Input{}, Development, "manual", "no CI variable is set"},
		{"terminal", Input{Terminal: true}, Development, "manual", "a terminal is attached"},
		{"hook", Input{Hook: "pre-commit"}, Development, "pre-commit", "git runs the pre-commit hook"},
		{"commit on main", Input{Hook: "pre-commit", Git: onMain(head)}, Development, "pre-commit", `branch "main" is protected: it is the default branch`},
		{"CI=false", Input{Getenv: environ{"CI": "false"}.getenv}, Development, "manual", "no CI variable is set"},
		{"CI=1", Input{Getenv: environ{"CI": "1"}.getenv}, Production, "push", "CI is set: this is a CI service"},
		{"CI=woodpecker", Input{Getenv: environ{"CI": "woodpecker"}.getenv}, Production, "push", "CI is set: this is a CI service"},
		{"CI on a terminal", Input{Getenv: environ{"CI": "1"}.getenv, Terminal: true}, Production, "push", "CI is set: this is a CI service"},
		{"TeamCity", Input{Getenv: environ{"BUILD_NUMBER": "17"}.getenv}, Production, "push", "BUILD_NUMBER is set: this is a CI service"},
		{"hook inside CI", Input{Getenv: environ{"CI": "1"}.getenv, Hook: "post-merge"}, Production, "post-merge", "the event is post-merge"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := Detect(tt.in)
			if env.Mode != tt.mode || env.Event != tt.event {
				t.Errorf("got mode %s, event %s; want %s, %s", env.Mode, env.Event, tt.mode, tt.event)
			}
			if !slices.Contains(env.Reasons, tt.reason) {
				t.Errorf("got reasons %q, want %q among them", env.Reasons, tt.reason)
			}
		})
	}
}

func TestProtected(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		branch, dflt string
		patterns     []string
		want         bool
	}{
		{"main", "", nil, true},
		{"master", "develop", nil, true},
		{"develop", "develop", nil, true},
		{"release", "", nil, true},
		{"release/1.2", "", nil, true},
		{"release-1.2", "", nil, true},
		{"releases/v1/x", "", nil, true},
		{"maintenance", "main", nil, false},
		{"feature/release", "main", nil, false},
		{"feature", "main", nil, false},
		{"", "", nil, false},
		{"prod/eu", "main", []string{"prod/*"}, true},
		{"prod/eu/west", "main", []string{"prod/*"}, false},
		{"prod/eu/west", "main", []string{"prod/**"}, true},
		{"prod", "main", []string{"prod/**"}, false},
		{"anything/at/all", "main", []string{"**"}, true},
		{"x", "main", []string{"[", "x"}, true},
		{"x", "main", []string{"["}, false},
	} {
		env := Detect(Input{Git: Git{Branch: tt.branch, Head: head, DefaultBranch: tt.dflt}, Protected: tt.patterns})
		if env.Protected != tt.want {
			t.Errorf("branch %q, default %q, patterns %q: got protected %v, want %v", tt.branch, tt.dflt, tt.patterns, env.Protected, tt.want)
		}
	}
}

// Protection by name alone does not prevent repairs in a developer's working tree. Protection by
// the configuration does, and so do an operation in progress and other reasons to hold back.
func TestPolicy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		in   Input
		want string
	}{
		{"feature", Input{Git: feature()}, Auto},
		{"main", Input{Git: onMain(head)}, Auto},
		{"main, configured", Input{Git: onMain(head), Protected: []string{"main"}}, Never},
		{"merging", Input{Git: Git{Head: head, MergeInProgress: true}}, Auto},
		{"rebasing", Input{Git: Git{Head: head, Rebasing: true}}, Never},
		{"cherry-picking", Input{Git: Git{Head: head, CherryPicking: true}}, Never},
		{"bisecting", Input{Git: Git{Head: head, Bisecting: true}}, Never},
		{"pre-commit framework", Input{Hook: "pre-commit", Git: feature(), Getenv: environ{"PRE_COMMIT": "1"}.getenv}, Never},
		{"CI", Input{Git: feature(), Getenv: environ{"CI": "1"}.getenv}, Auto},
		{"fork", Input{Getenv: environ{"CIRCLECI": "true", "CIRCLE_PR_USERNAME": "mallory"}.getenv}, Never},
	} {
		env := Detect(tt.in)
		if got := env.Defaults().Policy; got != tt.want {
			t.Errorf("%s: got policy %s, want %s", tt.name, got, tt.want)
		}
		if git := tt.in.Git; (env.Underway != "") != (git.Rebasing || git.CherryPicking || git.Bisecting) {
			t.Errorf("%s: got operation %q", tt.name, env.Underway)
		}
		if (env.Hold == "") != (tt.want == Auto) {
			t.Errorf("%s: got reason %q to hold back", tt.name, env.Hold)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	local := []channels.Name{channels.Terminal, channels.File}
	for _, tt := range []struct {
		name string
		env  Environment
		want Defaults
	}{
		{"pre-commit", Environment{Mode: Development, Event: "pre-commit"}, Defaults{Auto, 20 * time.Second, 3 * time.Minute, "text", local}},
		{"post-merge", Environment{Mode: Development, Event: "post-merge"}, Defaults{Auto, time.Minute, 0, "text", local}},
		{"manual", Environment{Mode: Development, Event: Manual}, Defaults{Auto, 2 * time.Minute, 0, "text", local}},
		{
			"GitHub",
			Environment{Mode: Production, Provider: GitHub, Event: "push"},
			Defaults{Auto, 10 * time.Minute, 0, "json", []channels.Name{channels.Terminal, channels.Summary, channels.Annotations, channels.Artifact, channels.File}},
		},
		{"GitLab", Environment{Mode: Production, Provider: GitLab, Event: "push"}, Defaults{Auto, 10 * time.Minute, 0, "json", local}},
	} {
		if diff := cmp.Diff(tt.want, tt.env.Defaults()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
