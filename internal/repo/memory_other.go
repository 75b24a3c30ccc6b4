//go:build !linux

package repo

// memoryDir: other systems have no such folder that can be counted on.
func memoryDir() (string, bool) { return "", false }

func hasRoom(string) bool { return false }
