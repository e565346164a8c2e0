package config

import (
	"testing"
	"time"
)

const shipped = "environments"

var today = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestTheShippedEnvironmentsLoad(t *testing.T) {
	environments, err := LoadAll(shipped, today)
	if err != nil {
		t.Fatalf("no stack could be built:\n%v", err)
	}
	var names []string
	for _, e := range environments {
		names = append(names, e.Name)
		loaded, err := Load(shipped, e.Name, today)
		if err != nil {
			t.Errorf("Load(%q): %v", e.Name, err)
		}
		if loaded.Network.Subnets.PrivatePrefix == 0 || loaded.Scaler.Min == 0 {
			t.Errorf("%s is incomplete: subnets %+v, scaler %+v", e.Name, loaded.Network.Subnets, loaded.Scaler)
		}
	}
	if want := []string{"dev", "local", "prod", "staging"}; len(names) != len(want) {
		t.Errorf("environments %v, want %v", names, want)
	}
}

func TestAMisspeltEnvironmentNamesTheOnesThatExist(t *testing.T) {
	for name, want := range map[string]string{
		"prdo":  `no environment "prdo" in environments; did you mean "prod"? There are: dev, local, prod, staging`,
		"xyzzy": `no environment "xyzzy" in environments. There are: dev, local, prod, staging`,
		"":      `no environment "" in environments. There are: dev, local, prod, staging`,
	} {
		if _, err := Load(shipped, name, today); err == nil || err.Error() != want {
			t.Errorf("Load(%q):\n got %v\nwant %s", name, err, want)
		}
	}
}
