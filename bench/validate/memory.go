package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// memory is the largest resident memory that was seen, in MB.
type memory struct {
	Own   float64 `json:"own_mb"`   // of this process
	Child float64 `json:"child_mb"` // of the largest of the processes below it
	All   float64 `json:"all_mb"`   // of all of them at one time
}

// samplePeriod is how often memory is looked at: what lives shorter is not seen.
const samplePeriod = 100 * time.Millisecond

// watchMemory looks at the memory of this process and of all below it until it is
// told to stop. Where there is no /proc it sees nothing.
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

// sampleMemory is the memory at this moment.
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

// readStat reads the parent and the resident MB from what Linux tells in stat of a
// process: the fields behind its name, which may hold anything.
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
