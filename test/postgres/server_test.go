package postgres_test

import (
	"testing"

	"peakline/test/postgres"
)

func TestAServerAnswersOverTLSWithSCRAMPasswords(t *testing.T) {
	server := postgres.Start(t, "log_statement=all")
	conn := server.Connect(t, postgres.Superuser, server.Password, "postgres")
	var encrypted bool
	var encryption string
	err := conn.QueryRow(t.Context(), `SELECT ssl, current_setting('password_encryption')
		FROM pg_stat_ssl WHERE pid = pg_backend_pid()`).Scan(&encrypted, &encryption)
	if err != nil {
		t.Fatal(err)
	}
	if !encrypted || encryption != "scram-sha-256" {
		t.Errorf("ssl %v, password_encryption %q: tests would prove nothing about Aurora, which has true and scram-sha-256", encrypted, encryption)
	}
}

func TestAWrongPasswordIsRefused(t *testing.T) {
	server := postgres.Start(t)
	if conn, err := server.Dial(t.Context(), postgres.Superuser, "guess", "postgres"); err == nil {
		conn.Close(t.Context())
		t.Fatal("the server trusts anyone, so no test of a password can fail")
	}
}
