package repo

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// questions are what tests and their tools ask git.
var questions = [][]string{
	{"rev-parse", "--show-toplevel"},
	{"rev-parse", "--git-dir"},
	{"rev-parse", "--show-prefix"},
	{"rev-parse", "--is-inside-work-tree"},
	{"rev-parse", "--is-bare-repository"},
	{"rev-parse", "--is-shallow-repository"},
	{"rev-parse", "--show-object-format"},
	{"rev-parse", "HEAD"},
	{"rev-parse", "HEAD^"},
	{"rev-parse", "HEAD^{tree}"},
	{"rev-parse", "--abbrev-ref", "HEAD"},
	{"rev-parse", "--short", "HEAD"},
	{"rev-parse", "--verify", "v1"},
	{"ls-files"},
	{"ls-files", "--stage"},
	{"ls-files", "--others"},
	{"ls-files", "--modified", "--deleted"},
	{"ls-files", "--eol"},
	{"ls-tree", "-r", "HEAD"},
	{"describe", "--tags", "--always", "--dirty"},
	{"describe", "--always"},
	{"describe", "--contains", "HEAD^"},
	{"tag", "--list", "-n"},
	{"tag", "--points-at", "HEAD"},
	{"log", "--format=%H %an %ae %cI %s %D", "--decorate=full"},
	{"log", "--all", "--format=%H%d"},
	{"log", "--stat", "--", "a.txt"},
	{"rev-list", "--count", "HEAD"},
	{"shortlog", "-sne", "HEAD"},
	{"status", "--porcelain"},
	{"status", "--porcelain=v2", "--branch"},
	{"status", "--short", "--ignored"},
	{"diff", "--exit-code"},
	{"diff", "--cached", "--exit-code"},
	{"diff", "HEAD"},
	{"diff-files", "--quiet"},
	{"diff-index", "--quiet", "HEAD"},
	{"branch", "--show-current"},
	{"branch", "--all", "--verbose"},
	{"symbolic-ref", "--short", "HEAD"},
	{"for-each-ref"},
	{"show-ref", "--dereference"},
	{"blame", "a.txt"},
	{"blame", "--porcelain", "dir/b.txt"},
	{"show", "--stat", "HEAD"},
	{"cat-file", "-p", "HEAD:a.txt"},
	{"grep", "-n", "line"},
	{"check-attr", "-a", "dos.txt"},
	{"check-ignore", "-v", "ignored.o"},
	{"config", "user.email"},
	{"config", "remote.origin.url"},
	{"config", "branch.main.merge"},
	{"remote"},
	{"stash", "list"},
	{"submodule", "status", "--recursive"},
	{"fsck", "--no-dangling", "--no-progress"},
	{"archive", "--format=tar", "HEAD"},
	{"merge-base", "HEAD", "HEAD^"},
	{"reflog", "exists", "refs/stash"},
}

// ask returns what git answers in a directory, whose path it replaces.
func (f *fixture) ask(args ...string) string {
	f.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = f.dir, f.env
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil {
		text += err.Error()
	}
	return strings.ReplaceAll(text, f.dir, "DIR")
}

// history makes commits, tags and branches at random, and leaves something staged and something
// that is not.
func (f *fixture) history(random *rand.Rand) {
	f.t.Helper()
	names := []string{"a.txt", "dir/b.txt", "dir/deep/c.txt", "dos.txt", "run.sh", "ünï/d.txt"}
	edit := func() {
		for range 1 + random.IntN(3) {
			name, ending := names[random.IntN(len(names))], "\n"
			if name == "dos.txt" {
				ending = "\r\n"
			}
			f.write(name, strings.Repeat(fmt.Sprintf("line %d", random.IntN(9))+ending, 1+random.IntN(5)))
		}
	}
	f.git("config", "user.email", "local@example.com")
	f.write(".gitattributes", "dos.txt text eol=crlf\n")
	f.write(".gitignore", "*.o\n")
	for _, name := range names {
		f.write(name, "line\n")
	}
	f.write("dos.txt", "line\r\n")
	if err := os.Chmod(filepath.Join(f.dir, "run.sh"), 0o755); err != nil {
		f.t.Fatal(err)
	}
	f.write("link-target", "x\n")
	if err := os.Symlink("link-target", filepath.Join(f.dir, "link")); err != nil && !os.IsExist(err) {
		f.t.Fatal(err)
	}
	f.commit("first")
	f.git("tag", "-a", "-m", "one", "v1")
	for n := range 3 + random.IntN(3) {
		switch random.IntN(5) {
		case 0:
			f.git("branch", fmt.Sprint("side", n))
		case 1:
			f.git("tag", fmt.Sprint("light", n))
		case 2:
			f.git("tag", "-a", "-m", "x", fmt.Sprint("v1.", n))
		case 3:
			f.git("pack-refs", "--all")
		case 4:
			f.git("checkout", "-q", "-b", fmt.Sprint("topic", n))
			edit()
			f.commit(fmt.Sprint("topic ", n))
			f.git("checkout", "-q", "-")
			f.git("merge", "-q", "--no-ff", "-m", "merged", fmt.Sprint("topic", n))
		}
		edit()
		f.commit(fmt.Sprint("commit ", n))
	}
	edit()
	f.git("add", "-A")
	edit()
	f.write("ignored.o", "o\n")
	f.write("new", "untracked\n")
}

// checkoutOf returns a clean checkout of a tree of the repository, in the form that users have.
func (f *fixture) checkoutOf(src Source) *fixture {
	f.t.Helper()
	dir, err := filepath.EvalSymlinks(f.t.TempDir())
	if err != nil {
		f.t.Fatal(err)
	}
	clean := f.in(filepath.Join(dir, "clean"))
	f.in(dir).git("init", "-q", "--object-format="+f.git("rev-parse", "--show-object-format"), clean.dir)
	clean.write(".git/objects/info/alternates", filepath.Join(f.git("rev-parse", "--path-format=absolute", "--git-common-dir"), "objects")+"\n")
	clean.git("fetch", "-q", "--update-head-ok", f.dir, "+refs/*:refs/*")
	clean.git("config", "user.email", "local@example.com")
	branch, _ := strings.CutPrefix(f.ask("symbolic-ref", "-q", "HEAD"), "refs/heads/")
	switch src.kind {
	case commit:
		if f.git("rev-parse", src.name) == f.git("rev-parse", "HEAD") {
			clean.git("symbolic-ref", "HEAD", "refs/heads/"+strings.TrimSpace(branch))
			clean.git("reset", "-q", "--hard")
		} else {
			clean.git("checkout", "-q", "--detach", src.name)
		}
	default:
		clean.git("symbolic-ref", "HEAD", "refs/heads/"+strings.TrimSpace(branch))
		hash, err := f.open().TreeHash(f.t.Context(), src)
		if err != nil {
			f.t.Fatal(err)
		}
		if hash != f.git("rev-parse", "HEAD^{tree}") {
			clean.commitLike(f, src)
		}
		clean.git("reset", "-q", "--hard")
	}
	return clean
}

// commitLike commits the index or the working tree of another repository, as the commit that an
// export has.
func (f *fixture) commitLike(user *fixture, src Source) {
	f.t.Helper()
	stage := user.in(user.dir)
	index := filepath.Join(f.t.TempDir(), "index")
	if err := copyIndex(user.open().indexFile(Source{}), index); err != nil {
		f.t.Fatal(err)
	}
	stage.env = append(slices.Clone(user.env), "GIT_INDEX_FILE="+index, "GIT_OBJECT_DIRECTORY="+filepath.Join(f.dir, ".git", "objects"),
		"GIT_ALTERNATE_OBJECT_DIRECTORIES="+filepath.Join(user.git("rev-parse", "--path-format=absolute", "--git-common-dir"), "objects"))
	if src.kind == workTree {
		stage.git("add", "-A")
	}
	info, err := user.open().Info(f.t.Context(), "HEAD")
	if err != nil {
		f.t.Fatal(err)
	}
	when := fmt.Sprintf("%d %s", info.When.Unix()+1, info.When.Format("-0700"))
	who := f.in(f.dir)
	who.env = append(slices.Clone(f.env), "GIT_AUTHOR_NAME=regreen", "GIT_AUTHOR_EMAIL=regreen@localhost", "GIT_COMMITTER_NAME=regreen", "GIT_COMMITTER_EMAIL=regreen@localhost",
		"GIT_AUTHOR_DATE="+when, "GIT_COMMITTER_DATE="+when)
	f.git("reset", "-q", "--soft", who.git("commit-tree", "-p", "HEAD", "-m", "The tree that regreen tests", stage.git("write-tree")))
}

// An export answers like a clean checkout of the same tree.
func TestExportAnswersLikeCheckout(t *testing.T) {
	t.Parallel()
	eachVariant(t, func(t *testing.T, f *fixture) {
		random := rand.New(rand.NewPCG(3, 4))
		f.history(random)
		asked := slices.Clone(questions)
		if !strings.HasSuffix(t.Name(), "/plain") {
			random.Shuffle(len(asked), func(i, j int) { asked[i], asked[j] = asked[j], asked[i] })
			asked = asked[:10]
		}
		for _, src := range []Source{Commit("HEAD"), Commit("HEAD~2"), Index(""), WorkTree()} {
			clean := f.checkoutOf(src)
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			gaps, err := f.open().Export(t.Context(), src, dir)
			if err != nil || len(gaps) > 0 {
				t.Fatal(gaps, err)
			}
			for _, q := range asked {
				if d := cmp.Diff(clean.ask(q...), f.in(dir).ask(q...)); d != "" {
					t.Errorf("%v: git %s:\n%s", src, strings.Join(q, " "), d)
				}
			}
		}
	})
}
