package propose

// errorCode is the type checker's own number for a kind of error.
type errorCode int

// The kinds of errors that there are remedies for; names and values are those of
// internal/types/errors in the Go distribution, which promises to keep them.
const (
	syntaxError            errorCode = -2 // of the parser; go/types has no number for it
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

// nameCodes are the errors that a name does not mean anything.
var nameCodes = []errorCode{undeclaredName, undeclaredImportedName, unexportedName, missingFieldOrMethod, missingLitField}

// fixers is the table of what can be done about which kind of error.
var fixers = []fixer{
	{"imports", []errorCode{unusedImport}, fixUnusedImport},
	{"imports", []errorCode{undeclaredName}, fixMissingImport},
	{"imports", []errorCode{brokenImport}, fixBrokenImport},
	{"compile/rename", nameCodes, fixRename},
	{"compile/name", nameCodes, fixName},
	{"compile/restore", nameCodes, fixRemoved},
	{"compile/restore", []errorCode{wrongArgCount, incompatibleAssign, invalidIfaceAssign, wrongAssignCount, tooManyValues, mismatchedTypes}, fixAltered},
	{"compile/qualify", []errorCode{undeclaredName}, fixQualify},
	{"compile/signature", []errorCode{wrongArgCount, incompatibleAssign, invalidIfaceAssign}, fixSignature},
	{"compile/arguments", []errorCode{wrongArgCount, incompatibleAssign, invalidIfaceAssign}, fixArguments},
	{"compile/results", []errorCode{wrongAssignCount}, fixAssignCount},
	{"compile/results", []errorCode{wrongResultCount}, fixResultCount},
	{"compile/results", []errorCode{tooManyValues}, fixTooManyValues},
	{"compile/results", []errorCode{unusedExpr}, fixUnusedExpr},
	{"compile/conversion", []errorCode{incompatibleAssign, invalidIfaceAssign, truncatedFloat, numericOverflow}, fixAssigned},
	{"compile/conversion", []errorCode{mismatchedTypes, undefinedOp}, fixOperands},
	{"compile/conversion", []errorCode{invalidIndirection, nonIndexableOperand, invalidCond, nonVariadicDots}, fixOperand},
	{"compile/unused", []errorCode{unusedVar}, fixUnusedVar},
	{"compile/return", []errorCode{missingReturn}, fixMissingReturn},
	{"compile/assign", []errorCode{noNewVar}, fixNoNewVar},
	{"compile/assign", []errorCode{undeclaredName}, fixUndeclaredTarget},
	{"compile/assign", []errorCode{duplicateDecl}, fixDuplicate},
	{"compile/method", []errorCode{invalidIfaceAssign}, fixMissingMethod},
}
