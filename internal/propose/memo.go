package propose

import (
	"reflect"
	"sync"
)

// Memo caches computed values by their type. The zero value is ready to use, and safe for
// concurrent use.
type Memo struct {
	mu    sync.Mutex
	known map[reflect.Type]*entry
}

type entry struct {
	mu    sync.Mutex
	value any
}

// Remember returns the memo's value of type T. The first caller computes it for all. After an
// error, the next caller tries again.
func Remember[T any](m *Memo, work func() (T, error)) (T, error) {
	kind := reflect.TypeFor[T]()
	m.mu.Lock()
	if m.known == nil {
		m.known = make(map[reflect.Type]*entry)
	}
	e := m.known[kind]
	if e == nil {
		e = new(entry)
		m.known[kind] = e
	}
	m.mu.Unlock()

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
