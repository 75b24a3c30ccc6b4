package localize

// Exported for the tests with a real language.
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
