package repo

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"
)

// maxAncestors limits how far gitBegan looks, in processes.
const maxAncestors = 32

// tick is the unit of times in /proc: USER_HZ, which is 100 on all architectures that Go supports.
const tick = 10 * time.Millisecond

// gitBegan returns when the git process began whose hook this process runs in. It reports false
// outside of hooks.
func gitBegan() (time.Time, bool) {
	pid := os.Getpid()
	for range maxAncestors {
		name, parent, began, ok := process(pid)
		if !ok || pid <= 1 {
			return time.Time{}, false
		}
		if name == "git" {
			uptime, ok := uptime()
			return time.Now().Add(began - uptime), ok
		}
		pid = parent
	}
	return time.Time{}, false
}

// process returns the name and the parent of a process, and when it began, since the machine
// started.
func process(pid int) (name string, parent int, began time.Duration, ok bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if err != nil || open < 0 || end < open {
		return "", 0, 0, false
	}
	fields := strings.Fields(string(text[end+1:])) // from the third of proc(5) on
	if len(fields) < 20 {
		return "", 0, 0, false
	}
	parent, err = strconv.Atoi(fields[1])
	ticks, err2 := strconv.ParseInt(fields[19], 10, 64)
	return string(text[open+1 : end]), parent, time.Duration(ticks) * tick, err == nil && err2 == nil
}

// uptime returns how long the machine has been running.
func uptime() (time.Duration, bool) {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0, false
	}
	first, _, _ := strings.Cut(string(text), " ")
	seconds, err := strconv.ParseFloat(first, 64)
	return time.Duration(seconds * float64(time.Second)), err == nil
}
