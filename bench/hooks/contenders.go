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

// contender is one way to run a hook that does nothing at a commit.
type contender struct {
	name    string
	code    bool // its commits change code that is already tested, instead of a document
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

// contenders returns all contenders. The others are compared with the first.
func contenders() []*contender {
	return []*contender{
		{name: "none", setup: func(*machine, *contender) error { return nil }},
		{name: "sh true", setup: shell},
		{name: "regreen docs", setup: regreen},
		{name: "regreen tested", code: true, setup: regreen},
		{name: "lefthook", setup: lefthook},
		{name: "prek", setup: prek},
		{name: "husky", setup: husky},
		{name: "pre-commit", setup: preCommit},
	}
}

func shell(m *machine, c *contender) error {
	return os.WriteFile(filepath.Join(c.dir, ".git", "hooks", "pre-commit"), []byte("#!/bin/sh\ntrue\n"), 0o755)
}

// regreen installs regreen's hooks. If the contender changes code, it also commits, and so
// tests, both versions of the code.
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

// tools installs the other hook managers, like the tests do, and returns the directory of
// their programs.
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

// lefthook uses the native binary, as its documentation recommends.
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
		return errors.New("pre-commit not found\nhint: apt-get install pre-commit")
	}
	if err := os.WriteFile(filepath.Join(c.dir, ".pre-commit-config.yaml"), []byte(localHook), 0o644); err != nil {
		return err
	}
	return errors.Join(m.add(c, ".pre-commit-config.yaml"), m.do(c.dir, "pre-commit", "install"))
}
