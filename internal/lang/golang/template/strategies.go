package template

import (
	"github.com/regreen-ci/regreen/internal/propose"
)

// Strategies is the table of templates.
var Strategies = []propose.Strategy{
	templateAddClause,
	templateGuard,
	templateIdentifier,
	templateString,
	templateSiblings,
	templateDonor,
	templateWrapCall,
	templateArguments,
	templateCallee,
	templateCase,
	templateAssignment,
	templateCondition,
	templateNumber,
	templateInsertCall,
	templateSelector,
	templateWrapIf,
	templateComposite,
	templateDelete,
	templateOperator,
	templateDropClause,
	templateUnwrap,
}
