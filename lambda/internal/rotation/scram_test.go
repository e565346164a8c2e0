package rotation

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

// The exchange of RFC 7677, section 3: what the client and the server prove to each other must follow from our verifier.
func TestAVerifierPassesTheExchangeOfTheRFC(t *testing.T) {
	const (
		salt    = "W22ZaJ0SNY7soEsUEjb6gQ=="
		proof   = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
		answer  = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
		message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
			"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	)
	got, err := saltedVerifier("pencil", decode(t, salt), 4096)
	if err != nil {
		t.Fatal(err)
	}
	keys, ok := strings.CutPrefix(got, "SCRAM-SHA-256$4096:"+salt+"$")
	stored, server, two := strings.Cut(keys, ":")
	if !ok || !two {
		t.Fatalf("verifier %q: PostgreSQL would take it for a clear password and hash it again", got)
	}
	if signature := mac(decode(t, server), message); base64.StdEncoding.EncodeToString(signature) != answer {
		t.Error("the server key does not sign the exchange: every client would refuse the server")
	}
	key := make([]byte, sha256.Size)
	subtle.XORBytes(key, decode(t, proof), mac(decode(t, stored), message))
	if hash := sha256.Sum256(key); string(hash[:]) != string(decode(t, stored)) {
		t.Error("the stored key does not confirm the client's proof: nobody could log in with the new password")
	}
}

func TestTwoVerifiersOfOnePasswordDiffer(t *testing.T) {
	first, err1 := verifier("pencil")
	second, err2 := verifier("pencil")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Error("the salt is not random: equal passwords could be seen in the catalog")
	}
}

func TestAPasswordThatClientsWouldNormaliseIsRefused(t *testing.T) {
	for _, password := range []string{"pässword", "tab\tword", "soft\u00adhyphen"} {
		if _, err := verifier(password); !errors.Is(err, ErrBadSecret) {
			t.Errorf("verifier(%q): %v, want ErrBadSecret: the client would derive other keys than we stored", password, err)
		}
	}
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
