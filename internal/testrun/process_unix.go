//go:build unix

package testrun

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes a process the leader of a new process group.
func ownGroup() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(attr)
	return attr
}

func terminateGroup(leader *os.Process) error { return signalGroup(leader, syscall.SIGTERM) }

func killGroup(leader *os.Process) error { return signalGroup(leader, syscall.SIGKILL) }

func signalGroup(leader *os.Process, sig syscall.Signal) error {
	err := syscall.Kill(-leader.Pid, sig)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// leash kills leader's group when this process dies, even of SIGKILL: a shell in the group
// reads from a pipe that only this process can write to, so it wakes when this process is
// gone. The shell dies with the group; release then reaps it.
func leash(leader *os.Process) (release func()) {
	read, write, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	defer read.Close()
	guard := exec.Command("/bin/sh", "-c", "read _; kill -9 0")
	guard.Stdin = read
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: leader.Pid}
	if guard.Start() != nil {
		// There is no shell, or the leader has already ended.
		write.Close()
		return func() {}
	}
	return func() {
		write.Close()
		guard.Wait()
	}
}
