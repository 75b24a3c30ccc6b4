package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// memory is the peak of resident memory in MB.
type memory struct {
	Own   float64 `json:"own_mb"`   // of this process
	Child float64 `json:"child_mb"` // of its largest descendant
	All   float64 `json:"all_mb"`   // of all of them together
}

// samplePeriod is how often memory is sampled. Processes that end sooner may be missed.
const samplePeriod = 100 * time.Millisecond

// watchMemory samples the memory of this process and its descendants until stop is called,
// which returns the peak. Without /proc, the peak is 0.
func watchMemory() (stop func() memory) {
	quit, done := make(chan struct{}), make(chan memory)
	go func() {
		var peak memory
		tick := time.NewTicker(samplePeriod)
		defer tick.Stop()
		for {
			now := sampleMemory()
			peak = memory{max(peak.Own, now.Own), max(peak.Child, now.Child), max(peak.All, now.All)}
			select {
			case <-quit:
				done <- peak
				return
			case <-tick.C:
			}
		}
	}()
	return func() memory {
		close(quit)
		return <-done
	}
}

// sampleMemory returns the current memory use.
func sampleMemory() memory {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return memory{}
	}
	resident, parent := make(map[int]float64), make(map[int]int)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
			parent[pid], resident[pid] = readStat(stat)
		}
	}
	self := os.Getpid()
	m := memory{Own: resident[self], All: resident[self]}
	for pid := range resident {
		at := pid
		for at > 1 && at != self {
			at = parent[at]
		}
		if at == self && pid != self {
			m.Child = max(m.Child, resident[pid])
			m.All += resident[pid]
		}
	}
	return m
}

// readStat reads the parent and the resident memory in MB of a process from the content of
// /proc/PID/stat. It skips the name, which can contain any character.
func readStat(stat []byte) (parent int, resident float64) {
	_, rest, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 22 {
		return 0, 0
	}
	parent, _ = strconv.Atoi(fields[1])
	pages, _ := strconv.ParseFloat(fields[21], 64)
	return parent, pages * float64(os.Getpagesize()) / (1 << 20)
}
