//go:build !linux

package postgres

import "testing"

// Main runs the tests of a package that starts clusters. Here they are skipped unless they may have port 53.
func Main(m *testing.M) int { return m.Run() }
