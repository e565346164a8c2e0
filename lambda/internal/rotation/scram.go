package rotation

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

const (
	scramIterations = 4096 // PostgreSQL's default; a random password of 40 characters needs no more
	scramSaltBytes  = 16
)

// verifier returns what PostgreSQL stores for a password under SCRAM-SHA-256 (RFC 5802, RFC 5803), so that the
// password itself never reaches the server or its logs. Only printable ASCII is accepted: for it SASLprep, which a client
// applies before it logs in, changes nothing.
func verifier(password string) (string, error) {
	salt := make([]byte, scramSaltBytes)
	rand.Read(salt)
	return saltedVerifier(password, salt, scramIterations)
}

func saltedVerifier(password string, salt []byte, iterations int) (string, error) {
	for _, r := range password {
		if r < ' ' || r > '~' {
			return "", fmt.Errorf("%w: its password holds a character outside printable ASCII; let the rotation generate passwords", ErrBadSecret)
		}
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("derive SCRAM key: %w", err)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(stored[:]), encode(mac(salted, "Server Key"))), nil
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}
