package compile

// errorCode is the type checker's number for a kind of error.
type errorCode int

// The kinds of errors that have remedies. Names and values are those of
// internal/types/errors in the Go distribution, which promises to keep them.
const (
	syntaxError            errorCode = -2 // from the parser; go/types has no number for it
	brokenImport           errorCode = 6
	unusedImport           errorCode = 8
	duplicateDecl          errorCode = 10
	wrongAssignCount       errorCode = 17
	noNewVar               errorCode = 19
	invalidIfaceAssign     errorCode = 21
	incompatibleAssign     errorCode = 23
	tooManyValues          errorCode = 41
	truncatedFloat         errorCode = 43
	numericOverflow        errorCode = 44
	undefinedOp            errorCode = 45
	mismatchedTypes        errorCode = 46
	invalidIndirection     errorCode = 50
	nonIndexableOperand    errorCode = 51
	missingLitField        errorCode = 66
	undeclaredImportedName errorCode = 73
	unexportedName         errorCode = 74
	undeclaredName         errorCode = 75
	missingFieldOrMethod   errorCode = 76
	nonVariadicDots        errorCode = 78
	unusedExpr             errorCode = 100
	unusedVar              errorCode = 101
	missingReturn          errorCode = 102
	wrongResultCount       errorCode = 103
	invalidCond            errorCode = 105
	wrongArgCount          errorCode = 126
)

// nameCodes lists the errors about unknown names.
var nameCodes = []errorCode{undeclaredName, undeclaredImportedName, unexportedName, missingFieldOrMethod, missingLitField}
