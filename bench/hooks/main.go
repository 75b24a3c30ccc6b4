// Command hooks measures what a commit with nothing to test costs with regreen's hooks,
// compared with no hook, a shell that does nothing, and other hook managers.
//
// Each contender has its own repository with the same files. They take turns to commit, so
// that other load on the machine affects all of them. The CPU time of a commit is that of
// git and of all processes that it starts and waits for.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	regreen := flag.String("regreen", "bin/regreen", "the regreen `binary` to measure")
	commits := flag.Int("commits", 40, "commits of each contender")
	sizes := flag.String("files", "200,20000", "sizes of the repositories, in files")
	only := flag.String("only", "", "only these contenders, by name, separated by commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, os.Stdout, *regreen, *commits, *sizes, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench-hooks:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, out io.Writer, regreen string, commits int, sizes, only string) error {
	regreen, err := filepath.Abs(regreen)
	if err != nil {
		return err
	}
	if _, err := os.Stat(regreen); err != nil {
		return fmt.Errorf("%w\nhint: run make build", err)
	}
	dir, err := os.MkdirTemp("", "regreen-bench-hooks-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	home := filepath.Join(dir, "home")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	m := &machine{ctx: ctx, dir: dir, env: environment(home), regreen: regreen}
	for size := range strings.SplitSeq(sizes, ",") {
		var files int
		if _, err := fmt.Sscanf(size, "%d", &files); err != nil || files < 1 {
			return fmt.Errorf("-files %q: %q is not a number of files", sizes, size)
		}
		if err := m.run(out, files, commits, only); err != nil {
			return err
		}
	}
	return nil
}

// environment returns the environment of git and the hooks: without the user's
// configuration, but with the caches, so that nothing is downloaded or built again.
func environment(home string) []string {
	env := []string{
		"HOME=" + home, "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C", "NO_COLOR=1", "CI=",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com",
	}
	for _, name := range []string{"PATH", "TMPDIR", "GOPROXY", "GOFLAGS", "GONOSUMDB", "GOSUMDB", "npm_config_registry", "NPM_CONFIG_USERCONFIG"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	out, err := exec.Command("go", "env", "GOPATH", "GOCACHE", "GOMODCACHE").Output()
	if err == nil {
		for i, value := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			env = append(env, []string{"GOPATH", "GOCACHE", "GOMODCACHE"}[i]+"="+value)
		}
	}
	return env
}

// machine runs commands and measures contenders.
type machine struct {
	ctx     context.Context
	dir     string
	env     []string
	regreen string
	bin     string // directory of the other hook managers, once installed
}

func (m *machine) command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(m.ctx, name, args...)
	cmd.Dir, cmd.Env = dir, m.env
	return cmd
}

func (m *machine) do(dir, name string, args ...string) error {
	out, err := m.command(dir, name, args...).CombinedOutput()
	if err != nil {
		text := strings.TrimSpace(string(out))
		if len(text) > 400 {
			text = text[len(text)-400:]
		}
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, text)
	}
	return nil
}

// sample holds the figures of one commit.
type sample struct{ cpu, wall time.Duration }

// run measures all contenders on repositories of one size.
func (m *machine) run(out io.Writer, files, commits int, only string) error {
	var field []*contender
	for _, c := range contenders() {
		if only != "" && c.name != "none" && !slices.Contains(strings.Split(only, ","), c.name) {
			continue
		}
		c.dir = filepath.Join(m.dir, fmt.Sprintf("%s-%d", strings.ReplaceAll(c.name, " ", "-"), files))
		err := m.repository(c.dir, files)
		if err == nil {
			err = c.setup(m, c)
		}
		switch {
		case m.ctx.Err() != nil:
			return m.ctx.Err()
		case err != nil:
			fmt.Fprintf(os.Stderr, "bench-hooks: skipping %s: %v\n", c.name, err)
			continue
		}
		field = append(field, c)
	}
	for i := range commits {
		for _, c := range field {
			s, err := m.commit(c, i)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.samples = append(c.samples, s)
		}
	}
	fmt.Fprintf(out, "%d files, medians of %d commits; programs that one commit starts, all and git\n", files, commits)
	fmt.Fprintf(out, "%-18s %9s %9s %9s %9s  %s\n", "hook", "CPU ms", "over none", "wall ms", "over none", "execs/git")
	base := field[0].median()
	for _, c := range field {
		s := c.median()
		fmt.Fprintf(out, "%-18s %9.1f %9.1f %9.1f %9.1f  %s\n", c.name, ms(s.cpu), ms(s.cpu-base.cpu), ms(s.wall), ms(s.wall-base.wall), m.execs(c, commits))
	}
	fmt.Fprintln(out)
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// repository makes a repository with a small Go module and many other files.
func (m *machine) repository(dir string, files int) error {
	content := map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.21\n", "README.md": "begin\n",
		"m.go":      "package m\n\n// One is one.\nfunc One() int { return 1 }\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\nfunc TestOne(t *testing.T) {\n\tif One() != 1 {\n\t\tt.Fail()\n\t}\n}\n",
	}
	for i := range files - len(content) {
		content[fmt.Sprintf("data/d%02d/f%d.txt", i%100, i)] = fmt.Sprintln("file", i)
	}
	for name, text := range content {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"config", "gc.auto", "0"}, {"add", "-A"}, {"commit", "-q", "-m", "begin"}} {
		if err := m.do(dir, "git", args...); err != nil {
			return err
		}
	}
	return nil
}

// prepare stages the i-th change of a contender.
func (m *machine) prepare(c *contender, i int) error {
	file, text := "README.md", fmt.Sprintln("change", i)
	if c.code {
		file, text = "m.go", codeVersion(i)
	}
	if err := os.WriteFile(filepath.Join(c.dir, file), []byte(text), 0o644); err != nil {
		return err
	}
	return m.do(c.dir, "git", "add", file)
}

// codeVersion returns one of two versions that differ in a comment, so that after two
// commits each is already tested.
func codeVersion(i int) string {
	return fmt.Sprintf("package m\n\n// One is one, version %d.\nfunc One() int { return 1 }\n", i%2)
}

// commit makes one commit and measures it.
func (m *machine) commit(c *contender, i int) (sample, error) {
	if err := m.prepare(c, i); err != nil {
		return sample{}, err
	}
	cmd := m.command(c.dir, "git", "commit", "-q", "-m", "change")
	cmd.Env = append(slices.Clone(m.env), c.env...)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	wall := time.Since(start)
	if err != nil {
		return sample{}, fmt.Errorf("%w\n%s", err, out)
	}
	return sample{cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), wall}, nil
}

// execs counts the programs that one commit starts, if strace is installed.
func (m *machine) execs(c *contender, i int) string {
	strace, err := exec.LookPath("strace")
	if err != nil || m.prepare(c, i) != nil {
		return "no strace"
	}
	log := filepath.Join(m.dir, "strace")
	cmd := m.command(c.dir, strace, "-f", "-qq", "-e", "trace=execve", "-e", "status=successful", "-o", log, "git", "commit", "-q", "-m", "change")
	cmd.Env = append(slices.Clone(m.env), c.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Sprintf("%v: %.60s", err, out)
	}
	b, err := os.ReadFile(log)
	if err != nil {
		return err.Error()
	}
	all, git := -1, -1 // do not count git commit itself
	for line := range strings.Lines(string(b)) {
		_, call, ok := strings.Cut(line, "execve(\"")
		if !ok {
			continue
		}
		program, _, _ := strings.Cut(call, "\"")
		all++
		if filepath.Base(program) == "git" {
			git++
		}
	}
	return fmt.Sprintf("%d/%d", all, git)
}
