package testrun

// Block is a part of a file that always runs as a whole, and how often it ran. Lines and
// columns count from 1; EndCol is exclusive.
type Block struct {
	File      string // slash-separated and relative to the root
	StartLine int
	StartCol  int
	EndLine   int
	EndCol    int
	Count     int // 0 or 1 when coverage was measured in mode set
}
