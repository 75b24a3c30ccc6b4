package template

import (
	"github.com/regreen-ci/regreen/internal/propose"
)

// Strategies lists the template strategies.
var Strategies = []propose.Strategy{
	addClauseStrategy,
	guardStrategy,
	identifierStrategy,
	stringStrategy,
	siblingsStrategy,
	donorStrategy,
	wrapCallStrategy,
	argumentsStrategy,
	calleeStrategy,
	caseStrategy,
	assignmentStrategy,
	conditionStrategy,
	numberStrategy,
	insertCallStrategy,
	selectorStrategy,
	wrapIfStrategy,
	compositeStrategy,
	deleteStrategy,
	operatorStrategy,
	dropClauseStrategy,
	unwrapStrategy,
}
