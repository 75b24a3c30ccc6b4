package site

import (
	"go/types"
)

// IsBool reports whether a type's underlying type is boolean.
func IsBool(t types.Type) bool { return HasInfo(t, types.IsBoolean) }

// HasInfo reports whether a type's underlying type is a basic type with one of the
// properties in info.
func HasInfo(t types.Type, info types.BasicInfo) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&info != 0
}

// IsError reports whether a type is error.
func IsError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

// HasLen reports whether a type is a slice, array, map or string. Channels do not count.
func HasLen(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Slice, *types.Array, *types.Map:
		return true
	case *types.Basic:
		return u.Info()&types.IsString != 0
	}
	return false
}
