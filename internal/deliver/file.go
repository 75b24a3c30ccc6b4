package deliver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regreen-ci/regreen/internal/channels"
	"github.com/regreen-ci/regreen/internal/report"
	"github.com/regreen-ci/regreen/internal/usererr"
)

// place is a place to write files: inside root, which a relative path cannot leave, not
// even through symbolic links. For an absolute path, root is its directory.
type place struct{ root, name string }

func placed(dir, name string) place {
	if filepath.IsAbs(name) {
		return place{filepath.Dir(name), filepath.Base(name)}
	}
	return place{dir, path.Clean(filepath.ToSlash(name))}
}

func (p place) String() string { return filepath.Join(p.root, filepath.FromSlash(p.name)) }

// open opens the root, after making the directories that the name is in.
func (p place) open() (*os.Root, error) {
	if err := os.MkdirAll(p.root, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(p.root)
	if err != nil {
		return nil, err
	}
	if err := root.MkdirAll(path.Dir(p.name), 0o755); err != nil {
		_ = root.Close()
		return nil, err
	}
	return root, nil
}

// temporary returns a fresh hidden name in the directory of p.
func (p place) temporary() string {
	return path.Join(path.Dir(p.name), "."+path.Base(p.name)+"."+strings.ToLower(rand.Text()[:8])+".tmp")
}

// File writes one rendering to a file, completely or not at all. A relative name is inside
// dir and cannot leave it. An existing file is replaced only if regreen made it: list, a file
// of regreen's own, records that. Without a list every file is replaced.
func File(name channels.Name, dir, file string, form Rendering, list string) Channel {
	to := placed(dir, file)
	return channel{name, func(_ context.Context, r *report.Report) (report.Receipt, error) {
		err := to.claim(list)
		if err == nil {
			err = to.write(form, r)
		}
		if err != nil {
			return report.Receipt{}, &usererr.Error{What: "cannot write " + to.String(), Advice: "name a file in a writable directory", Err: reason(err)}
		}
		return report.Receipt{Where: to.String()}, nil
	}}
}

// claim refuses an existing file that is not in the list, and adds a new one to the list.
func (p place) claim(list string) error {
	info, err := os.Lstat(p.String())
	if list == "" || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	known, readErr := os.ReadFile(list)
	if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
		return readErr
	}
	made := slices.Contains(strings.Split(string(known), "\n"), p.String())
	switch {
	case made:
		return nil
	case err == nil:
		return errors.New("the file exists and was not made by regreen; remove it, or name another")
	}
	f, err := os.OpenFile(list, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(p.String() + "\n")
	return errors.Join(err, f.Close())
}

func (p place) write(form Rendering, r *report.Report) error {
	var text bytes.Buffer
	if err := form.Write(&text, r); err != nil {
		return err
	}
	root, err := p.open()
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	fresh := p.temporary()
	err = root.WriteFile(fresh, text.Bytes(), 0o644)
	if err == nil {
		err = root.Rename(fresh, p.name)
	}
	if err != nil {
		_ = root.Remove(fresh)
	}
	return err
}

// patches is the directory of the patches in an artifact.
const patches = "patches"

// Artifact writes a directory with the report in every form and its patches, in place of the
// previous one. A relative directory is inside base and cannot leave it. A directory that
// contains anything else is not touched.
func Artifact(base, dir string, forms []Rendering) Channel {
	to := placed(base, dir)
	return channel{channels.Artifact, func(ctx context.Context, r *report.Report) (report.Receipt, error) {
		degraded, err := to.make(ctx, forms, r)
		if err != nil {
			return report.Receipt{}, &usererr.Error{What: "cannot write the directory " + to.String(), Advice: "name a directory that only regreen writes to, or that does not exist yet", Err: reason(err)}
		}
		return report.Receipt{Where: to.String(), Degraded: degraded}, nil
	}}
}

func (p place) make(ctx context.Context, forms []Rendering, r *report.Report) (degraded []string, err error) {
	root, err := p.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	if err := p.ours(root, forms); err != nil {
		return nil, err
	}
	fresh, old := p.temporary(), p.temporary()
	defer func() { _ = root.RemoveAll(fresh) }()
	if degraded, err = fill(ctx, root, fresh, forms, r); err != nil {
		return nil, err
	}
	switch err := root.Rename(p.name, old); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	}
	if err := root.Rename(fresh, p.name); err != nil {
		_ = root.Rename(old, p.name)
		return nil, err
	}
	return degraded, root.RemoveAll(old)
}

// ours refuses a directory unless it is missing, empty, or contains only reports and patches.
func (p place) ours(root *os.Root, forms []Rendering) error {
	entries, err := fs.ReadDir(root.FS(), p.name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	reports := 0
	for _, e := range entries {
		switch {
		case !e.IsDir() && slices.ContainsFunc(forms, func(f Rendering) bool { return f.File == e.Name() }):
			reports++
		case e.IsDir() && e.Name() == patches:
			inside, err := fs.ReadDir(root.FS(), path.Join(p.name, patches))
			if err != nil {
				return err
			}
			for _, file := range inside {
				if file.IsDir() || path.Ext(file.Name()) != ".patch" {
					return notOurs(path.Join(patches, file.Name()))
				}
			}
		default:
			return notOurs(e.Name())
		}
	}
	if reports == 0 {
		return notOurs(entries[0].Name())
	}
	return nil
}

func notOurs(name string) error {
	return fmt.Errorf("it contains %s, which is not regreen's", report.Brief(name))
}

// fill writes the files into a fresh directory. It leaves out a form that cannot be rendered.
func fill(ctx context.Context, root *os.Root, dir string, forms []Rendering, r *report.Report) (degraded []string, err error) {
	if err := root.MkdirAll(path.Join(dir, patches), 0o755); err != nil {
		return nil, err
	}
	for _, form := range forms {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var text bytes.Buffer
		if err := form.Write(&text, r); err != nil {
			degraded = append(degraded, fmt.Sprintf("%s is missing: %v", form.File, err))
			continue
		}
		if err := root.WriteFile(path.Join(dir, form.File), text.Bytes(), 0o644); err != nil {
			return nil, err
		}
	}
	if len(degraded) == len(forms) && len(forms) > 0 {
		return nil, errors.New(degraded[0])
	}
	taken := map[string]bool{}
	for _, p := range r.Patches {
		if p.Redacted {
			degraded = append(degraded, fmt.Sprintf("patch %s is missing: it contained a secret", report.Brief(p.ID)))
		}
		if p.Diff == "" || p.Redacted {
			continue
		}
		if err := root.WriteFile(path.Join(dir, patches, patchName(p.ID, taken)), []byte(p.Diff), 0o644); err != nil {
			return nil, err
		}
	}
	return degraded, nil
}

// patchName returns a file name for a patch that every system accepts and that no other patch
// has, even if the file system ignores case.
func patchName(id string, taken map[string]bool) string {
	stem := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, id[:min(len(id), 100)])
	stem = cmp.Or(stem, "patch")
	name := stem
	for n := 2; taken[strings.ToLower(name)]; n++ {
		name = fmt.Sprintf("%s-%d", stem, n)
	}
	taken[strings.ToLower(name)] = true
	return name + ".patch"
}
