package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// checkNames refuses what encoding/json takes silently in a text that it could decode into a type: a field's name in
// other letters' case, and a field that an object states twice. It looks at the names only, so that lines with days
// of points are not decoded twice.
func checkNames(text []byte, into reflect.Type) error {
	type level struct {
		of    reflect.Type    // the object's type, or that of the array's elements
		names map[string]bool // stated so far; nil in an array
	}
	var open []level
	value := into // type of the value that comes next
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			open = append(open, level{value, map[string]bool{}})
		case '[':
			if value.Kind() == reflect.Slice {
				value = value.Elem()
			}
			open = append(open, level{value, nil})
		case '}', ']':
			if open = open[:len(open)-1]; len(open) > 0 {
				value = open[len(open)-1].of
			}
		case '"':
			end := i + 1
			for ; text[end] != '"'; end++ {
				if text[end] == '\\' {
					end++
				}
			}
			quoted := text[i : end+1]
			i = end
			if !bytes.HasPrefix(bytes.TrimLeft(text[end+1:], " \t\r\n"), []byte(":")) {
				continue // a value
			}
			var name string
			if err := json.Unmarshal(quoted, &name); err != nil {
				return err
			}
			object := open[len(open)-1]
			if object.names[name] {
				return fmt.Errorf("field %q is stated twice in one object, want it once", name)
			}
			object.names[name] = true
			var err error
			if value, err = fieldType(object.of, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// fieldType is the type of a struct's field of exactly this name in JSON.
func fieldType(t reflect.Type, name string) (reflect.Type, error) {
	if t.Kind() != reflect.Struct {
		return t, nil
	}
	for i := range t.NumField() {
		field := t.Field(i)
		switch tag := field.Tag.Get("json"); {
		case tag == name:
			return field.Type, nil
		case strings.EqualFold(tag, name):
			return nil, fmt.Errorf("unknown field %q, want %q", name, tag)
		}
	}
	return nil, fmt.Errorf("unknown field %q", name)
}
