package propose

import "slices"

// Strategies is the table of all strategies. The shares of the templates are the
// measured shares, in percent, of one-file Go fixes of up to three lines that are
// of the row's form; those of the others say how often they fit when they apply.
func Strategies() []Strategy {
	return slices.Concat(compileStrategies, templates, []Strategy{imports, revert})
}

var templates = []Strategy{
	{Name: "template/add-clause", Share: 7.9, Doc: "Row 1: strengthens or weakens a condition by a clause from nearby, or by a test of the values around.", Propose: perFunction(addClause)},
	{Name: "template/guard", Share: 9.3, Doc: "Row 2: leaves the block before a statement when a value is nil, empty, zero or out of range, in the way the function leaves elsewhere.", Propose: perFunction(insertGuard)},
	{Name: "template/identifier", Share: 3.0, Doc: "Row 3: names another variable, constant or basic type of fitting type in scope.", Propose: perFunction(changeIdentifier)},
	{Name: "template/string", Share: 8.2, Doc: "Row 4: makes a string literal what the failing test expects; always for review.", Propose: perFunction(changeString)},
	{Name: "template/siblings", Share: 1.0, Doc: "Row 5: makes the same small exchange at every like site of a function.", Propose: perFunction(siblingEdits)},
	{Name: "template/donor", Share: 4.1, Doc: "Row 6: replaces an expression by another of its type from the function, the file or the package.", Propose: perFunction(donorExpression)},
	{Name: "template/wrap-call", Share: 2.8, Doc: "Row 7: wraps an expression in a call or conversion that the package makes elsewhere.", Propose: perFunction(wrapCall)},
	{Name: "template/arguments", Share: 0.9, Doc: "Row 8: adds, drops or swaps arguments of a call.", Propose: perFunction(changeArguments)},
	{Name: "template/callee", Share: 1.0, Doc: "Row 9: calls another function or method of the same shape.", Propose: perFunction(changeCallee)},
	{Name: "template/case", Share: 2.7, Doc: "Row 10: extends a case by a value, or a switch by a case.", Propose: perFunction(extendCase)},
	{Name: "template/assignment", Share: 2.8, Doc: "Row 11: inserts an assignment, an increment or a reset.", Propose: perFunction(insertAssignment)},
	{Name: "template/condition", Share: 2.5, Doc: "Row 12: replaces a whole condition.", Propose: perFunction(changeCondition)},
	{Name: "template/number", Share: 1.7, Doc: "Row 13: corrects a number or a bound that is off by one, or takes another number of the function.", Propose: perFunction(changeNumber)},
	{Name: "template/insert-call", Share: 1.6, Doc: "Row 14: inserts a call or an append that like code makes.", Propose: perFunction(insertCall)},
	{Name: "template/selector", Share: 0.6, Doc: "Row 15: selects another field, or another variable or constant of a package.", Propose: perFunction(changeSelector)},
	{Name: "template/wrap-if", Share: 1.3, Doc: "Row 16: runs a statement only under a condition.", Propose: perFunction(wrapIf)},
	{Name: "template/composite", Share: 1.3, Doc: "Row 17: adds an element to a composite literal.", Propose: perFunction(extendComposite)},
	{Name: "template/delete", Share: 0.8, Doc: "Row 18: deletes a statement or a guard; ranked low, since taking behaviour away passes tests too easily.", Propose: perFunction(deleteStatement)},
	{Name: "template/operator", Share: 1.5, Doc: "Row 19: changes a comparison, arithmetic or assignment operator, a boolean or a negation.", Propose: perFunction(changeOperator)},
	{Name: "template/drop-clause", Share: 0.6, Doc: "Row 20: drops a clause of a condition.", Propose: perFunction(dropClause)},
	{Name: "template/unwrap", Share: 0.6, Doc: "Row 20: drops a call or an operand around an expression, swaps operands.", Propose: perFunction(unwrapCall)},
}
