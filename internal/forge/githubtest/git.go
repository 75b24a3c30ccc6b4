package githubtest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// NewGit makes a bare repository whose branch main has one commit with the files, and returns its
// directory and the commit.
func NewGit(t testing.TB, files map[string]string) (dir, head string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "fleet.git")
	RunGit(t, "", "init", "-q", "--bare", "-b", "main", dir)
	work := t.TempDir()
	for name, content := range files {
		path := filepath.Join(work, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	RunGit(t, dir, "--work-tree="+work, "add", "-A")
	tree := RunGit(t, dir, "write-tree")
	head = RunGit(t, dir, "commit-tree", "-m", "Begin", tree)
	RunGit(t, dir, "update-ref", "refs/heads/main", head)
	return dir, head
}

// RunGit runs git in a repository, without the user's configuration, and returns its output.
func RunGit(t testing.TB, dir string, args ...string) string {
	t.Helper()
	return RunGitInput(t, dir, "", args...)
}

// RunGitInput is like RunGit, with standard input.
func RunGitInput(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	out, err := runGit(dir, []byte(stdin), nil, args...)
	if err != nil {
		t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSuffix(out, "\n")
}

func runGit(dir string, stdin []byte, env []string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.DevNull, "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=" + Bot, "GIT_AUTHOR_EMAIL=bot@example.com", "GIT_COMMITTER_NAME=GitHub", "GIT_COMMITTER_EMAIL=noreply@example.com",
	}, env...)
	if dir != "" {
		cmd.Env = append(cmd.Env, "GIT_DIR="+dir)
	}
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.Output()
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		err = errors.New(string(e.Stderr))
	}
	return string(out), err
}

// git runs git in the server's repository.
func (s *Server) git(stdin []byte, args ...string) (string, error) {
	if s.Git == "" {
		return "", errors.New("no repository")
	}
	out, err := runGit(s.Git, stdin, nil, args...)
	return strings.TrimSuffix(out, "\n"), err
}

func (s *Server) isAncestor(old, new string) bool {
	_, err := s.git(nil, "merge-base", "--is-ancestor", old, new)
	return err == nil
}

// Protect protects branches against pushes.
func (s *Server) Protect(branches ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range branches {
		s.protected[b] = true
	}
}

// Rule adds a rule that refuses pushes to branches. GitHub reports rules only when they refuse a
// push.
func (s *Server) Rule(branches ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range branches {
		s.ruled[b] = true
	}
}

func (s *Server) getBranch(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("branch")
	sha, err := s.git(nil, "rev-parse", "--verify", "-q", "refs/heads/"+name)
	if err != nil {
		refuse(w, http.StatusNotFound, "Branch not found")
		return
	}
	reply(w, http.StatusOK, map[string]any{"name": name, "protected": s.protected[name], "commit": map[string]any{"sha": sha}})
}

// into reads the body of a write, if the token has the permission.
func (s *Server) into(w http.ResponseWriter, r *http.Request, in any) bool {
	if s.forbidden(w, Contents) {
		return false
	}
	if err := read(r, in); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return false
	}
	return true
}

func unprocessable(w http.ResponseWriter, why string) { refuse(w, http.StatusUnprocessableEntity, why) }

func (s *Server) createBlob(w http.ResponseWriter, r *http.Request) {
	var in struct{ Content, Encoding string }
	if !s.into(w, r, &in) {
		return
	}
	content := []byte(in.Content)
	if in.Encoding == "base64" {
		var err error
		if content, err = base64.StdEncoding.DecodeString(in.Content); err != nil {
			unprocessable(w, "content is not valid Base64")
			return
		}
	}
	sha, err := s.git(content, "hash-object", "-w", "--stdin")
	if err != nil {
		unprocessable(w, err.Error())
		return
	}
	reply(w, http.StatusCreated, map[string]any{"sha": sha})
}

func (s *Server) getBlob(w http.ResponseWriter, r *http.Request) {
	out, err := runGit(s.Git, nil, nil, "cat-file", "blob", r.PathValue("file_sha"))
	if err != nil {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "raw") {
		_, _ = w.Write([]byte(out))
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"sha": r.PathValue("file_sha"), "size": len(out), "encoding": "base64", "content": base64.StdEncoding.EncodeToString([]byte(out)),
	})
}

func (s *Server) getCommit(w http.ResponseWriter, r *http.Request) {
	sha := r.PathValue("commit_sha")
	tree, err := s.git(nil, "rev-parse", "--verify", "-q", sha+"^{commit}^{tree}")
	if err != nil {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	names, _ := s.git(nil, "show", "-s", "--format=%P", sha)
	parents := []map[string]any{}
	for _, p := range strings.Fields(names) {
		parents = append(parents, map[string]any{"sha": p})
	}
	reply(w, http.StatusOK, map[string]any{"sha": sha, "tree": map[string]any{"sha": tree}, "parents": parents})
}

func (s *Server) createCommit(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Message, Tree string
		Parents       []string
	}
	if !s.into(w, r, &in) {
		return
	}
	args := []string{"commit-tree", in.Tree}
	for _, p := range in.Parents {
		args = append(args, "-p", p)
	}
	sha, err := s.git([]byte(in.Message), args...)
	if err != nil {
		unprocessable(w, "Tree SHA or a parent does not exist: "+err.Error())
		return
	}
	reply(w, http.StatusCreated, map[string]any{"sha": sha, "tree": map[string]any{"sha": in.Tree}})
}

func (s *Server) getTree(w http.ResponseWriter, r *http.Request) {
	sha, err := s.git(nil, "rev-parse", "--verify", "-q", r.PathValue("tree_sha")+"^{tree}")
	if err != nil {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	out, err := s.git(nil, "ls-tree", "-l", "-z", sha)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	entries := []map[string]any{}
	for line := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		about, name, ok := strings.Cut(line, "\t")
		if !ok {
			continue // an empty tree
		}
		f := strings.Fields(about)
		entry := map[string]any{"mode": f[0], "type": f[1], "sha": f[2], "path": name}
		if size, err := strconv.Atoi(f[3]); err == nil {
			entry["size"] = size
		}
		entries = append(entries, entry)
	}
	reply(w, http.StatusOK, map[string]any{"sha": sha, "tree": entries, "truncated": false})
}

// createTree makes a tree based on another one, in its own index. It refuses paths that git does
// not accept in a tree.
func (s *Server) createTree(w http.ResponseWriter, r *http.Request) {
	var in struct {
		BaseTree string `json:"base_tree"`
		Tree     []struct {
			Path, Mode, Type string
			SHA              *string
			Content          *string
		}
	}
	if !s.into(w, r, &in) {
		return
	}
	var info strings.Builder
	for _, e := range in.Tree {
		switch {
		case e.SHA == nil && e.Content == nil:
			if _, err := s.git(nil, "cat-file", "-e", in.BaseTree+":"+e.Path); err != nil {
				unprocessable(w, "GitRPC::BadObjectState")
				return
			}
			info.WriteString("0 " + strings.Repeat("0", 40) + "\t" + e.Path + "\x00")
		case e.SHA == nil:
			unprocessable(w, "this server accepts no content in trees")
			return
		default:
			if kind, err := s.git(nil, "cat-file", "-t", *e.SHA); err != nil || kind != e.Type {
				unprocessable(w, "tree.sha "+*e.SHA+" is not a valid "+e.Type)
				return
			}
			info.WriteString(e.Mode + " " + *e.SHA + "\t" + e.Path + "\x00")
		}
	}
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(s.t.TempDir(), "index")}
	_, err := runGit(s.Git, nil, index, "read-tree", in.BaseTree)
	if err == nil {
		_, err = runGit(s.Git, []byte(info.String()), index, "update-index", "-z", "--index-info")
	}
	sha := ""
	if err == nil {
		sha, err = runGit(s.Git, nil, index, "write-tree")
	}
	sha = strings.TrimSpace(sha)
	for _, e := range in.Tree { // git only warns about paths that it leaves out
		if err == nil && e.SHA != nil {
			_, err = s.git(nil, "cat-file", "-e", sha+":"+e.Path)
		}
	}
	if err != nil {
		unprocessable(w, "tree.path contains a malformed path component: "+err.Error())
		return
	}
	reply(w, http.StatusCreated, map[string]any{"sha": sha})
}

func (s *Server) createRef(w http.ResponseWriter, r *http.Request) {
	var in struct{ Ref, SHA string }
	if !s.into(w, r, &in) {
		return
	}
	if _, err := s.git(nil, "rev-parse", "--verify", "-q", in.Ref); err == nil {
		unprocessable(w, "Reference already exists")
		return
	}
	s.move(w, http.StatusCreated, in.Ref, in.SHA)
}

func (s *Server) updateRef(w http.ResponseWriter, r *http.Request) {
	var in struct {
		SHA   string
		Force bool
	}
	if !s.into(w, r, &in) {
		return
	}
	ref := "refs/" + r.PathValue("ref")
	old, err := s.git(nil, "rev-parse", "--verify", "-q", ref)
	switch {
	case err != nil:
		unprocessable(w, "Reference does not exist")
	case !in.Force && !s.isAncestor(old, in.SHA):
		unprocessable(w, "Update is not a fast forward")
	default:
		s.move(w, http.StatusOK, ref, in.SHA)
	}
}

// move sets a reference unless it is protected.
func (s *Server) move(w http.ResponseWriter, status int, ref, sha string) {
	branch := strings.TrimPrefix(ref, "refs/heads/")
	if s.protected[branch] {
		unprocessable(w, "Protected branch update failed for "+ref+".")
		return
	}
	if s.ruled[branch] {
		unprocessable(w, "Repository rule violations found\n\nChanges must be made through a pull request.\n\n")
		return
	}
	if kind, err := s.git(nil, "cat-file", "-t", sha); err != nil || kind != "commit" {
		unprocessable(w, "Object does not exist")
		return
	}
	if _, err := s.git(nil, "check-ref-format", ref); err != nil || strings.Count(ref, "/") < 2 {
		unprocessable(w, "Reference name is not well formed")
		return
	}
	if _, err := s.git(nil, "update-ref", ref, sha); err != nil {
		unprocessable(w, "Reference update failed: "+err.Error())
		return
	}
	reply(w, status, map[string]any{"ref": ref, "object": map[string]any{"type": "commit", "sha": sha}})
}
