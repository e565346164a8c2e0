package rotation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"peakline/lambda/contract"
)

// PostgreSQL truncates longer names in silence (NAMEDATALEN - 1), which would merge two roles into one.
const maxRoleBytes = 63

const (
	defaultPort     = 5432
	defaultDatabase = "postgres"
)

// RDS writes "postgres" for Aurora too, its documentation also has "aurora-postgresql".
var engines = []string{"postgres", "aurora-postgresql"}

// secret is one version of a database secret. Keys that rotation does not know are kept as they are.
type secret struct {
	Engine   string
	Host     string
	Port     uint16 // 5432 where the JSON names none
	Username string
	Password string
	Database string // "postgres" where the JSON names none
	Master   string // the ARN of the master's secret; empty: the user changes its own password
	Single   bool   // one role all the same: the tags say so, not the value

	keys map[string]json.RawMessage
}

// parseSecret reads a secret's JSON. Its errors never quote the text, which holds a password.
func parseSecret(text string) (secret, error) {
	s := secret{Port: defaultPort, Database: defaultDatabase}
	if err := json.Unmarshal([]byte(text), &s.keys); err != nil {
		return secret{}, fmt.Errorf("%w: its value is not the JSON object that RDS writes", ErrBadSecret)
	}
	for key, field := range map[string]*string{
		"engine": &s.Engine, "host": &s.Host, "username": &s.Username, "password": &s.Password,
		"dbname": &s.Database, contract.MasterSecretKey: &s.Master,
	} {
		if raw, ok := s.keys[key]; ok && json.Unmarshal(raw, field) != nil {
			return secret{}, fmt.Errorf("%w: key %s is not text", ErrBadSecret, key)
		}
	}
	// RDS writes a number, people often the same as text.
	if raw, ok := s.keys["port"]; ok {
		port, err := strconv.ParseUint(strings.Trim(string(raw), `"`), 10, 16)
		if err != nil || port == 0 {
			return secret{}, fmt.Errorf("%w: key port is no number from 1 to 65535", ErrBadSecret)
		}
		s.Port = uint16(port)
	}
	return s, s.check()
}

// check reports what keeps a version from being used or followed by another one.
func (s secret) check() error {
	for _, needed := range []struct{ key, value string }{
		{"host", s.Host}, {"username", s.Username}, {"password", s.Password}, {"dbname", s.Database},
	} {
		if needed.value == "" {
			return fmt.Errorf("%w: no %s in its JSON; attach the secret to its cluster first", ErrBadSecret, needed.key)
		}
	}
	if !slices.Contains(engines, s.Engine) {
		return fmt.Errorf("%w: engine %q, want one of %s", ErrBadSecret, s.Engine, strings.Join(engines, ", "))
	}
	if name := s.alternate(); len(name) > maxRoleBytes {
		return fmt.Errorf("%w: role %q has %d bytes, want at most %d", ErrBadSecret, name, len(name), maxRoleBytes)
	}
	return nil
}

// alternating says that two roles take turns, as AWS's own templates decide it, but for a login that its tags make single.
func (s secret) alternating() bool { return s.Master != "" && !s.Single }

// alternate is the role that the next version of the secret names.
func (s secret) alternate() string {
	if !s.alternating() {
		return s.Username
	}
	if first, ok := strings.CutSuffix(s.Username, contract.RoleAlternate); ok && first != "" {
		return first
	}
	return s.Username + contract.RoleAlternate
}

// next is the secret's following version with this password, as JSON.
func (s secret) next(password string) (string, error) {
	keys := maps.Clone(s.keys)
	for key, value := range map[string]string{"username": s.alternate(), "password": password} {
		encoded, err := json.Marshal(value)
		if err != nil {
			return "", fmt.Errorf("encode the secret's %s: %w", key, err)
		}
		keys[key] = encoded
	}
	encoded, err := json.Marshal(keys)
	if err != nil {
		return "", fmt.Errorf("encode the secret: %w", err)
	}
	return string(encoded), nil
}

// succeeds reports why s may not follow the version now: rotation changes the password of the expected role on the same
// server and nothing else.
func (s secret) succeeds(now secret) error {
	if want := now.alternate(); s.Username != want {
		return fmt.Errorf("%w: its pending version names role %q, want %q", ErrBadSecret, s.Username, want)
	}
	return s.onServerOf(now)
}

// onServerOf reports that two versions or secrets lead to different servers.
func (s secret) onServerOf(other secret) error {
	if s.Host != other.Host || s.Port != other.Port {
		return fmt.Errorf("%w: server %s:%d, want %s:%d as in its current version", ErrBadSecret, s.Host, s.Port, other.Host, other.Port)
	}
	return nil
}
