package flags

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"peakline/config"
)

// document is what AppConfig keeps of the flags: what they are, and their values now.
// https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-type-reference-feature-flags.html
type document struct {
	Version string                    `json:"version"`
	Flags   map[string]definition     `json:"flags"`
	Values  map[string]map[string]any `json:"values"`
}

type definition struct {
	Name        string               `json:"name"`
	Description string               `json:"description,omitempty"`
	Attributes  map[string]attribute `json:"attributes,omitempty"`
}

type attribute struct {
	Description string         `json:"description,omitempty"`
	Constraints map[string]any `json:"constraints"`
}

// enabled is the value that every flag has.
const enabled = "enabled"

func parse(text []byte) (document, error) {
	var d document
	if len(text) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("read the flags: %w", err)
	}
	for _, value := range d.Values { // AppConfig notes when it was changed, and takes no note of ours
		delete(value, "_createdAt")
		delete(value, "_updatedAt")
	}
	return d, nil
}

// with is the document with the definitions of the configuration. A value that is there stays as it is: it belongs to
// whoever moved it. What is new starts with its first value. A flag that the configuration does not have is left alone.
func (d document) with(flags map[string]config.Flag) document {
	merged := document{Version: "1", Flags: maps.Clone(d.Flags), Values: map[string]map[string]any{}}
	if merged.Flags == nil {
		merged.Flags = map[string]definition{}
	}
	for name, value := range d.Values {
		merged.Values[name] = maps.Clone(value)
	}
	for name, flag := range flags {
		defined := definition{Name: name, Description: flag.Description}
		value := merged.Values[name]
		if value == nil {
			value = map[string]any{enabled: flag.On}
			merged.Values[name] = value
		}
		for key, number := range flag.Numbers {
			if defined.Attributes == nil {
				defined.Attributes = map[string]attribute{}
			}
			defined.Attributes[key] = attribute{number.Description, map[string]any{
				"type": "number", "required": true, "minimum": float64(number.Min), "maximum": float64(number.Max)}}
			if _, has := value[key]; !has {
				value[key] = float64(number.Start)
			}
		}
		merged.Flags[name] = defined
	}
	return merged
}

// moved is the document with one flag moved, and numbers with it.
func (d document) moved(name string, on bool, numbers map[string]int) (document, error) {
	defined, known := d.Flags[name]
	if !known {
		return d, fmt.Errorf("there is no flag %q, want one of %v", name, slices.Sorted(maps.Keys(d.Flags)))
	}
	moved := document{Version: d.Version, Flags: d.Flags, Values: maps.Clone(d.Values)}
	value := maps.Clone(d.Values[name])
	if value == nil {
		value = map[string]any{}
	}
	value[enabled] = on
	for key, number := range numbers {
		bounds, has := defined.Attributes[key]
		if !has {
			return d, fmt.Errorf("%s has no number %q, want one of %v", name, key, slices.Sorted(maps.Keys(defined.Attributes)))
		}
		if low, high := bounds.Constraints["minimum"], bounds.Constraints["maximum"]; float64(number) < toFloat(low) || float64(number) > toFloat(high) {
			return d, fmt.Errorf("%s of %s: %d, want %v to %v", key, name, number, low, high)
		}
		value[key] = float64(number)
	}
	moved.Values[name] = value
	return moved, nil
}

func toFloat(value any) float64 { number, _ := value.(float64); return number }

func (d document) equal(other document) bool {
	return reflect.DeepEqual(d.Flags, other.Flags) && reflect.DeepEqual(d.Values, other.Values)
}

func (d document) text() []byte {
	text, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("write the flags: %v", err)) // strings, numbers and booleans
	}
	return text
}
