//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// detach lets a process go on when the terminal and the process group it was started
// from end.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
