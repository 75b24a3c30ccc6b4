//go:build !unix

package repo

import "os"

// statFile returns what an index has about a file, or nothing if it does not exist. Git for Windows
// leaves the other fields 0, and has the time of creation as that of the change.
func statFile(name string) fileStat {
	info, err := os.Lstat(name)
	if err != nil {
		return fileStat{}
	}
	return fileStat{modified: info.ModTime(), size: uint32(info.Size())}
}
