package rotation

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const whole = `{"engine":"postgres","host":"db","port":5433,"username":"app","password":"hush","dbname":"shop","dbClusterIdentifier":"prod","masterarn":"arn:m","extra":[1]}`

func TestASecretIsReadAsRDSWritesIt(t *testing.T) {
	for name, test := range map[string]struct {
		text     string
		port     uint16
		database string
	}{
		"every key":                     {whole, 5433, "shop"},
		"a port as text":                {`{"engine":"postgres","host":"db","port":"5433","username":"app","password":"hush"}`, 5433, "postgres"},
		"no port and no database":       {`{"engine":"aurora-postgresql","host":"db","username":"app","password":"hush"}`, 5432, "postgres"},
		"a database that is not chosen": {`{"engine":"postgres","host":"db","username":"app","password":"hush","dbname":null}`, 5432, "postgres"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parseSecret(test.text)
			if err != nil {
				t.Fatalf("a secret that RDS wrote would never rotate: %v", err)
			}
			if s.Port != test.port || s.Database != test.database || s.Host != "db" || s.Username != "app" || s.Password != "hush" {
				t.Errorf("rotation would connect elsewhere: %s@%s:%d/%s", s.Username, s.Host, s.Port, s.Database)
			}
		})
	}
}

func TestASecretThatCannotBeRotatedSaysWhyAndKeepsItsPassword(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"is empty":               {``, "not the JSON object"},
		"is a bare password":     {`hush`, "not the JSON object"},
		"is null":                {`null`, "no host"},
		"has no host yet":        {`{"engine":"postgres","username":"app","password":"hush"}`, "attach the secret"},
		"has no password":        {`{"engine":"postgres","host":"db","username":"app"}`, "no password"},
		"is another engine's":    {`{"engine":"mysql","host":"db","username":"app","password":"hush"}`, `"mysql", want one of postgres`},
		"has a number as user":   {`{"engine":"postgres","host":"db","username":7,"password":"hush"}`, "key username is not text"},
		"has port zero":          {`{"engine":"postgres","host":"db","port":0,"username":"app","password":"hush"}`, "1 to 65535"},
		"has a port beyond TCP":  {`{"engine":"postgres","host":"db","port":65536,"username":"app","password":"hush"}`, "1 to 65535"},
		"has a role too long":    {`{"engine":"postgres","host":"db","username":"` + strings.Repeat("a", 64) + `","password":"hush"}`, "64 bytes, want at most 63"},
		"has an alternate so":    {`{"engine":"postgres","host":"db","masterarn":"m","username":"` + strings.Repeat("a", 58) + `","password":"hush"}`, "64 bytes, want at most 63"},
		"has the port in quotes": {`{"engine":"postgres","host":"db","port":"'hush'","username":"app","password":"hush"}`, "1 to 65535"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseSecret(test.text)
			if !errors.Is(err, ErrBadSecret) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want ErrBadSecret that says %q", err, test.says)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the log would show the password: %v", err)
			}
		})
	}
}

func TestRolesAlternateOnlyWithAMaster(t *testing.T) {
	for name, test := range map[string]struct{ username, master, want string }{
		"one user keeps its name":            {"app", "", "app"},
		"one user may be called so":          {"app_clone", "", "app_clone"},
		"the first role is followed":         {"app", "arn", "app_clone"},
		"the second role gives back":         {"app_clone", "arn", "app"},
		"a name of nothing but the ending":   {"_clone", "arn", "_clone_clone"},
		"only the last ending is taken away": {"app_clone_clone", "arn", "app_clone"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (secret{Username: test.username, Master: test.master}).alternate(); got != test.want {
				t.Errorf("after %q comes %q, want %q: the running tasks' role would lose its password", test.username, got, test.want)
			}
		})
	}
}

func TestTheNextVersionChangesNothingButUserAndPassword(t *testing.T) {
	s, err := parseSecret(whole)
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.next("new")
	if err != nil {
		t.Fatal(err)
	}
	var before, after map[string]any
	if err := errors.Join(json.Unmarshal([]byte(whole), &before), json.Unmarshal([]byte(text), &after)); err != nil {
		t.Fatal(err)
	}
	before["username"], before["password"] = "app_clone", "new"
	for key := range before {
		want, _ := json.Marshal(before[key])
		got, _ := json.Marshal(after[key])
		if string(got) != string(want) {
			t.Errorf("key %s is %s after rotation, want %s: whoever reads it would break", key, got, want)
		}
	}
	if len(after) != len(before) {
		t.Errorf("the next version has %d keys, want %d", len(after), len(before))
	}
}

func FuzzParseSecret(f *testing.F) {
	for _, seed := range []string{whole, `{}`, `null`, `[]`, `{"port":"5432"}`, `{"port":-1}`, `{"username":""}`, `{"engine":"postgres","host":"\u0000","username":"_clone","password":" ","masterarn":"m"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSecret(text)
		if err != nil {
			return
		}
		next, err := s.next("new")
		if err != nil {
			t.Fatalf("a secret that was read cannot be followed: %v", err)
		}
		follower, err := parseSecret(next)
		if err != nil {
			// Only the length of the name can go wrong: "_clone" is taken off one role and put on the other.
			if !strings.Contains(err.Error(), "bytes") {
				t.Fatalf("the next version cannot be read: %v", err)
			}
			return
		}
		if err := follower.succeeds(s); err != nil {
			t.Fatalf("the next version may not follow: %v", err)
		}
	})
}
