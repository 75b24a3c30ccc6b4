package testrun

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent has the kernel kill the process when the thread that started it ends. Threads
// of the Go runtime end with the program.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// awaitExit waits for p to end without reaping it, and reports whether that worked.
func awaitExit(p *os.Process) bool {
	for {
		err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}

// killMarked kills all processes that have entry, or entry with more after a dot, in their
// environment. Since they may be forking, it looks again until it finds none, but not
// forever.
func killMarked(entry string) {
	for range 50 {
		pids := marked(entry)
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func marked(entry string) []int {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1)
	var pids []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile("/proc/" + name + "/environ")
		if err == nil && carries(environ, entry) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func carries(environ []byte, entry string) bool {
	for each := range bytes.SplitSeq(environ, []byte{0}) {
		if rest, ok := bytes.CutPrefix(each, []byte(entry)); ok && (len(rest) == 0 || rest[0] == '.') {
			return true
		}
	}
	return false
}
