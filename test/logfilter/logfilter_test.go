package logfilter

import "testing"

func TestPatterns(t *testing.T) {
	const line = `{"event":"order_placed","service":"order","inner":{"kind":"card"},"durationMs":48}`
	for pattern, want := range map[string]bool{
		`{ $.event = "order_placed" }`:                                  true,
		`{ $.event = "order" }`:                                         false,
		`{ $.event = "order*" }`:                                        true,
		`{ $.event != "order_placed" }`:                                 false,
		`{ $.nothing = "order_placed" }`:                                false,
		`{ $.nothing != "order_placed" }`:                               false,
		`{ $.durationMs = "48" }`:                                       false, // a number is no text
		`{ $.inner.kind = "card" }`:                                     true,
		`{ $.event.kind = "card" }`:                                     false,
		`{ ($.event = "a") || ($.event = "order_placed") }`:             true,
		`{ ($.event = "order_placed") && ($.service = "user") }`:        false,
		`{ $.event = "a" && $.service = "x" || $.service = "order" }`:   true,
		`{ $.event = "a" && ($.service = "x" || $.service = "order") }`: false,
	} {
		parsed, err := Parse(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
		} else if got := parsed.Matches(line); got != want {
			t.Errorf("%s matches is %v, want %v", pattern, got, want)
		}
	}
	for _, wrong := range []string{``, `{ }`, `{ $.event }`, `{ $.event = 5 }`, `{ $.event = "a" } x`, `{ $.event = "a" || }`, `{ ($.event = "a" }`, `$.event = "a"`} {
		if _, err := Parse(wrong); err == nil {
			t.Errorf("%q is taken for a pattern", wrong)
		}
	}
	for _, other := range []string{``, `text`, `["order_placed"]`, `{"event":null}`} {
		if parsed, _ := Parse(`{ $.event = "*" }`); parsed.Matches(other) {
			t.Errorf("%q matches, which is no object with a text", other)
		}
	}
}

// FuzzParse finds what the parser would panic on.
func FuzzParse(f *testing.F) {
	f.Add(`{ ($.a = "b*") || ($.c != "d") && $.e.f = "\"" }`, `{"a":"b"}`)
	f.Fuzz(func(_ *testing.T, pattern, line string) {
		if parsed, err := Parse(pattern); err == nil {
			parsed.Matches(line)
		}
	})
}
