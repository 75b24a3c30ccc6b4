//go:build !linux

package repo

// memoryDir returns false: other systems have no such directory to rely on.
func memoryDir() (string, bool) { return "", false }

func hasRoom(string) bool { return false }
