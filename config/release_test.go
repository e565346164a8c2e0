package config

import "testing"

func TestTheFirstPathIsTriedWhereNoneIsNamed(t *testing.T) {
	for pattern, want := range map[string]string{
		"/api/cart": "/api/cart", "/api/cart/*": "/api/cart/", "/shop/sale*": "/shop/sale", "/*": "/", "/": "/",
	} {
		got := defaultSmokeTest([]string{pattern})[0]
		if got.Path != want || got.Status != 0 || !overlap(pattern, got.Path) {
			t.Errorf("a service with %s is tried on %+v, want %s: another service would answer", pattern, got, want)
		}
	}
}
