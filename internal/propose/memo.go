package propose

import (
	"reflect"
	"sync"
)

// memo holds what strategies have worked out about a problem, by its type.
type memo struct {
	mu    sync.Mutex
	known map[reflect.Type]*entry
}

type entry struct {
	mu    sync.Mutex
	value any
}

// Memo returns the problem's one value of type T, which the first strategy that asks for
// it works out for all. An error is not kept: the next one tries again.
func Memo[T any](p *Problem, work func() (T, error)) (T, error) {
	kind := reflect.TypeFor[T]()
	p.memo.mu.Lock()
	if p.memo.known == nil {
		p.memo.known = make(map[reflect.Type]*entry)
	}
	e := p.memo.known[kind]
	if e == nil {
		e = new(entry)
		p.memo.known[kind] = e
	}
	p.memo.mu.Unlock()

	e.mu.Lock()
	defer e.mu.Unlock()
	if value, ok := e.value.(T); ok {
		return value, nil
	}
	value, err := work()
	if err == nil {
		e.value = value
	}
	return value, err
}
