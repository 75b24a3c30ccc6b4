//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// detach keeps a process running after its terminal and process group end.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
