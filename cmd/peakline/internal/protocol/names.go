package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// checkNames refuses what encoding/json takes silently in a text that it could decode into a type: a field's name in
// other letters' case, and a field that an object states twice.
func checkNames(text []byte, into reflect.Type) error {
	return checkValue(json.NewDecoder(bytes.NewReader(text)), into)
}

func checkValue(decoder *json.Decoder, t reflect.Type) error {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) { // it has no fields, and may be long
		return decoder.Decode(&json.RawMessage{})
	}
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	opening, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	seen := map[string]bool{}
	for decoder.More() {
		inner := t
		if opening == '[' && t.Kind() == reflect.Slice {
			inner = t.Elem()
		}
		if opening == '{' {
			token, err := decoder.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string)
			if inner, err = fieldType(t, name); err != nil {
				return err
			}
			if seen[name] {
				return fmt.Errorf("field %q is stated twice in one object, want it once", name)
			}
			seen[name] = true
		}
		if err := checkValue(decoder, inner); err != nil {
			return err
		}
	}
	_, err = decoder.Token() // the closing bracket
	return err
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
