package rdsca_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"regexp"
	"strings"
	"testing"
	"time"

	"peakline/lambda/rdsca"
)

var rootName = regexp.MustCompile(`^Amazon RDS ([a-z]+(?:-[a-z]+)+-\d) Root CA (RSA2048|RSA4096|ECC384) G\d+$`)

// A root that expires within the year would break every verified connection to the cluster at once.
const margin = 365 * 24 * time.Hour

func certificates(t *testing.T) []*x509.Certificate {
	t.Helper()
	var found []*x509.Certificate
	for rest := rdsca.PEM; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatalf("roots.pem holds a certificate no client can read: %v", err)
		}
		found = append(found, certificate)
	}
	if written := bytes.Count(rdsca.PEM, []byte("BEGIN CERTIFICATE")); len(found) != written {
		t.Fatalf("roots.pem announces %d certificates and %d can be read", written, len(found))
	}
	return found
}

func TestOnlyRootsOfRDSThatSignThemselvesAreTrusted(t *testing.T) {
	for _, root := range certificates(t) {
		name := root.Subject.CommonName
		if !rootName.MatchString(name) {
			t.Errorf("%q is trusted and is no root of RDS: whoever holds it could pose as the database", name)
		}
		if !root.IsCA {
			t.Errorf("%s may not sign certificates", name)
		}
		if err := root.CheckSignatureFrom(root); err != nil {
			t.Errorf("%s is not signed by itself, its text was damaged: %v", name, err)
		}
		if left := time.Until(root.NotAfter); left < margin {
			t.Errorf("%s expires on %s: replace roots.pem by AWS's current bundle", name, root.NotAfter.Format(time.DateOnly))
		}
	}
}

func TestEveryRegionHasTheThreeAuthoritiesAClusterMayChoose(t *testing.T) {
	algorithms := map[string]map[string]bool{}
	for _, root := range certificates(t) {
		if name := rootName.FindStringSubmatch(root.Subject.CommonName); name != nil {
			if algorithms[name[1]] == nil {
				algorithms[name[1]] = map[string]bool{}
			}
			algorithms[name[1]][name[2]] = true
		}
	}
	for _, region := range []string{"us-east-1", "us-west-2", "eu-central-1", "eu-west-1"} {
		if algorithms[region] == nil {
			t.Errorf("no root for %s: nothing could connect to a cluster there", region)
		}
	}
	for region, has := range algorithms {
		if len(has) != 3 {
			t.Errorf("%s: roots %v, want RSA2048, RSA4096 and ECC384: a cluster with another CA could not be verified", region, has)
		}
	}
}

func TestTheRootsOfARegionFitIntoAnEnvironmentVariable(t *testing.T) {
	// A task definition takes 64 KiB in all: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
	for region, want := range map[string]int{"eu-west-1": 3, "us-east-1": 3, "eu-west": 0, "": 0, "ap-east-2": 0} {
		found := rdsca.Region(region)
		if got := strings.Count(string(found), "BEGIN CERTIFICATE"); got != want || len(found) > 8192 {
			t.Errorf("%q has %d roots in %d bytes, want %d", region, got, len(found), want)
		}
	}
}
