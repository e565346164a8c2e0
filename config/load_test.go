package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const shipped = "environments"

var today = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// folder writes environment files by name.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// catalogueShipped is config/services.yaml. Most tests read a catalogue of their own, so that a service more breaks none.
var catalogueShipped = catalogueText

func TestMain(m *testing.M) {
	text, err := os.ReadFile("testdata/services.yaml")
	if err != nil {
		panic(err)
	}
	catalogueText = text
	os.Exit(m.Run())
}

// useShippedCatalogue is for what must hold of the files as they are.
func useShippedCatalogue(t *testing.T) {
	t.Helper()
	before := catalogueText
	catalogueText = catalogueShipped
	t.Cleanup(func() { catalogueText = before })
}

func TestTheShippedEnvironmentsLoad(t *testing.T) {
	useShippedCatalogue(t)
	environments, err := LoadAll(shipped, today)
	if err != nil {
		t.Fatalf("no stack could be built:\n%v", err)
	}
	if !slices.ContainsFunc(environments, func(e Environment) bool { return e.Name == "local" }) {
		t.Error("there is no environment local, which make up deploys")
	}
}

func TestTheShippedEnvironmentsDoNotExpire(t *testing.T) {
	useShippedCatalogue(t)
	if _, err := LoadAll(shipped, today.AddDate(2, 0, 0)); err != nil {
		t.Errorf("in two years a fresh clone would not synthesize:\n%v", err)
	}
}

func TestLocalIsTheEmulatedAccount(t *testing.T) {
	local, err := Load(shipped, "local", today)
	if err != nil {
		t.Fatal(err)
	}
	if local.Account != "123456789012" || local.Region != "us-east-1" || len(local.Network.Zones) != 3 {
		t.Errorf("the emulator serves account 123456789012 in us-east-1 with 3 zones, local is %s in %s with %v", local.Account, local.Region, local.Network.Zones)
	}
	zones := []string{local.Database.Writer.Zone}
	for _, reader := range local.Database.Readers {
		zones = append(zones, reader.Zone)
	}
	slices.Sort(zones)
	if len(slices.Compact(zones)) != 3 {
		t.Errorf("writer and readers of local are in %v, want three different zones", zones)
	}
	if local.Database.DeletionProtection {
		t.Error("local cannot be destroyed: deletion protection is on")
	}
}

func TestAMisspeltEnvironmentNamesTheOnesThatExist(t *testing.T) {
	local, err := os.ReadFile(filepath.Join(shipped, "local.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{"local.yaml": string(local), "other.yaml": "owner: nobody\n"})
	for name, want := range map[string]string{
		"loca1":     `no environment "loca1" in ` + dir + `; did you mean "local"? There are: local, other`,
		"xyzzy":     `no environment "xyzzy" in ` + dir + `. There are: local, other`,
		"":          `no environment "" in ` + dir + `. There are: local, other`,
		"../local":  `no environment "../local" in ` + dir + `. There are: local, other`,
		"local.yml": `no environment "local.yml" in ` + dir + `. There are: local, other`,
	} {
		if _, err := Load(dir, name, today); err == nil || err.Error() != want {
			t.Errorf("Load(%q):\n got %v\nwant %s", name, err, want)
		}
	}
}

func TestAFolderWithoutEnvironments(t *testing.T) {
	for name, c := range map[string]struct {
		dir  string
		want string
	}{
		"no folder":            {filepath.Join(t.TempDir(), "none"), "list the environments: open "},
		"an empty folder":      {t.TempDir(), "has no file *.yaml, want one for each environment"},
		"a file that ends yml": {folder(t, map[string]string{"prod.yml": valid}), "prod.yml would be overlooked, rename it to end in .yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			_, errAll := LoadAll(c.dir, today)
			_, errOne := Load(c.dir, "prod", today)
			for _, err := range []error{errAll, errOne} {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want ... %s", err, c.want)
				}
			}
		})
	}
}

func TestAFileNameThatIsNoEnvironmentName(t *testing.T) {
	for _, name := range []string{"Prod", "p", "prod_eu", "-prod", "prod-", "prod--eu", "1prod", "an-environment-of-21-c", "delivery", "prod.eu"} {
		if _, err := Load(folder(t, map[string]string{name + ".yaml": valid}), name, today); err == nil || !strings.Contains(err.Error(), "want 2 to 20 lower-case letters") {
			t.Errorf("%q is accepted as a name (%v); identifiers built from it would be refused by AWS or clash", name, err)
		}
	}
	if _, err := Load(folder(t, map[string]string{"prod-eu-1.yaml": valid}), "prod-eu-1", today); err != nil {
		t.Errorf("prod-eu-1 is refused: %v", err)
	}
}

func TestLoadAllReportsEveryFileAndLoadOnlyItsOwn(t *testing.T) {
	broken := func(text string) string { return strings.Replace(text, "owner: platform", "owner: 1", 1) }
	const shared = "tracing: {transactionSearch: existing}\n" // aa.yaml creates it in the account of all three
	dir := folder(t, map[string]string{
		"aa.yaml": broken(valid),
		"bb.yaml": strings.Replace(broken(neighbour("bb", "10.31.0.0/16")), "max: 6", "max: 99", 1) + shared,
		"cc.yaml": neighbour("cc", "10.32.0.0/16") + shared,
	})
	_, err := LoadAll(dir, today)
	var mistakes Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) != 3 {
		t.Errorf("got %d mistakes, want the 3 of both files:\n%v", len(mistakes), err)
	}
	if _, err := Load(dir, "bb", today); !errors.As(err, &mistakes) || len(mistakes) != 2 {
		t.Errorf("got %d mistakes, want the 2 of bb.yaml:\n%v", len(mistakes), err)
	}
	if _, err := Load(dir, "cc", today); err != nil {
		t.Errorf("cc.yaml is in order, yet it cannot be deployed because of its neighbours: %v", err)
	}
}

func TestAFileStatesOnlyWhatDiffers(t *testing.T) {
	e := load(t, valid)
	for what, ok := range map[string]bool{
		"a reader has the writer's class":                   e.Database.Readers["one"].InstanceClass == "db.r8g.large",
		"a reader is the first to be promoted after tier 0": e.Database.Readers["two"].PromotionTier == 1,
		"the scaler's minimum is the readers of the file":   e.Scaler.Min == 2,
		"subnets are derived":                               e.Network.Subnets == Subnets{22, 19, 22},
		"CloudFront's prefix list is known":                 e.Network.Ingress.CloudFrontPrefixList == "pl-4fa04526",
		"advanced insights keep 15 months":                  e.Database.Insights == Insights{InsightsAdvanced, 465},
		"a section that states one value keeps the others":  e.Database.Backup.RetentionDays == 35 && e.Database.Backup.CopyRegion == "eu-central-1",
	} {
		if !ok {
			t.Errorf("not so: %s; %+v", what, e)
		}
	}
	zero := load(t, strings.Replace(valid, "one: {", "one: {promotionTier: 0, ", 1))
	if zero.Database.Readers["one"].PromotionTier != 0 {
		t.Error("a tier of 0 is taken for none, so that the wrong reader is promoted")
	}
}

func load(t *testing.T, text string) Environment {
	t.Helper()
	l := read("prod.yaml", "prod", []byte(text), today)
	if err := l.document.err(); err != nil {
		t.Fatal(err)
	}
	return l.environment
}
