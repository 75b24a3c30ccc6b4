package localize

// What the tests with a real language use.
var (
	ChangedLines     = changedLines
	StackFrames      = stackFrames
	CompilePositions = compilePositions
)

const (
	FrameDecay = frameDecay
	CheckShare = checkShare
)

func (s *Source) Shift(file string) func(line int) int { return s.shift(file) }
