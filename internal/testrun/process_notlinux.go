//go:build unix && !linux

package testrun

import (
	"os"
	"syscall"
)

func dieWithParent(*syscall.SysProcAttr) {}

func awaitExit(*os.Process) bool { return false }

func killMarked(string) {}
