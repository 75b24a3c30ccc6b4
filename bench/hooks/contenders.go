package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// contender is one way to have hooks that do nothing at a commit.
type contender struct {
	name    string
	code    bool // its commits change code that was tested before, the others a document
	setup   func(*machine, *contender) error
	dir     string
	env     []string
	samples []sample
}

func (c *contender) median() sample {
	var cpu, wall []time.Duration
	for _, s := range c.samples {
		cpu, wall = append(cpu, s.cpu), append(wall, s.wall)
	}
	slices.Sort(cpu)
	slices.Sort(wall)
	return sample{cpu[len(cpu)/2], wall[len(wall)/2]}
}

// contenders are all of them; the first is what the others are compared with.
func contenders() []*contender {
	return []*contender{
		{name: "none", setup: func(*machine, *contender) error { return nil }},
		{name: "sh true", setup: shell},
		{name: "regreen document", setup: regreen},
		{name: "regreen witness", code: true, setup: regreen},
		{name: "lefthook", setup: lefthook},
		{name: "prek", setup: prek},
		{name: "husky", setup: husky},
		{name: "pre-commit", setup: preCommit},
	}
}

func shell(m *machine, c *contender) error {
	return os.WriteFile(filepath.Join(c.dir, ".git", "hooks", "pre-commit"), []byte("#!/bin/sh\ntrue\n"), 0o755)
}

// regreen is installed as it comes; both versions of the code pass before the race.
func regreen(m *machine, c *contender) error {
	if err := m.do(c.dir, m.regreen, "install"); err != nil {
		return err
	}
	for i := range 2 {
		if !c.code {
			break
		}
		if _, err := m.commit(c, i); err != nil {
			return err
		}
	}
	return nil
}

// tools installs the others, as the tests do, and gives the folder of their programs.
func (m *machine) tools() (string, error) {
	if m.bin != "" {
		return m.bin, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "regreen", "hook-managers")
	cmd := exec.CommandContext(m.ctx, "sh", filepath.Join("scripts", "hook-managers.sh"), dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	m.bin = filepath.Join(dir, "bin")
	return m.bin, nil
}

// lefthook is the native binary, as its documentation advises.
func lefthook(m *machine, c *contender) error {
	bin, err := m.tools()
	if err != nil {
		return err
	}
	config := "pre-commit:\n  commands:\n    nothing:\n      run: \"true\"\noutput: false\n"
	if err := os.WriteFile(filepath.Join(c.dir, "lefthook.yml"), []byte(config), 0o644); err != nil {
		return err
	}
	program := filepath.Join(bin, "lefthook")
	c.env = []string{"LEFTHOOK_BIN=" + program}
	return errors.Join(m.do(c.dir, program, "install"), m.add(c, "lefthook.yml"))
}

// add commits the contender's configuration.
func (m *machine) add(c *contender, files ...string) error {
	if err := m.do(c.dir, "git", append([]string{"add"}, files...)...); err != nil {
		return err
	}
	return m.do(c.dir, "git", "commit", "-q", "--no-verify", "-m", "configuration")
}

const localHook = "repos:\n- repo: local\n  hooks:\n  - {id: nothing, name: nothing, entry: \"true\", language: system, pass_filenames: false, always_run: true}\n"

func prek(m *machine, c *contender) error {
	bin, err := m.tools()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.dir, ".pre-commit-config.yaml"), []byte(localHook), 0o644); err != nil {
		return err
	}
	return errors.Join(m.add(c, ".pre-commit-config.yaml"), m.do(c.dir, filepath.Join(bin, "prek"), "install"))
}

func husky(m *machine, c *contender) error {
	bin, err := m.tools()
	if err != nil {
		return err
	}
	if err := m.do(c.dir, filepath.Join(bin, "husky")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, ".husky", "pre-commit"), []byte("true\n"), 0o755)
}

func preCommit(m *machine, c *contender) error {
	if _, err := exec.LookPath("pre-commit"); err != nil {
		return errors.New("there is no pre-commit; apt-get install pre-commit")
	}
	if err := os.WriteFile(filepath.Join(c.dir, ".pre-commit-config.yaml"), []byte(localHook), 0o644); err != nil {
		return err
	}
	return errors.Join(m.add(c, ".pre-commit-config.yaml"), m.do(c.dir, "pre-commit", "install"))
}
