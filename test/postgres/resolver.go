package postgres

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"peakline/test/programs"
)

// Resolver is a small name server that answers as Aurora's endpoints do: one address per answer, the next one each time,
// to be forgotten after a second.
// https://docs.aws.amazon.com/whitepapers/latest/amazon-aurora-mysql-db-admin-handbook/load-balancing-with-the-reader-endpoint.html
type Resolver struct {
	// File is a resolv.conf that names this server.
	File string

	mutex   sync.Mutex
	names   map[string][]netip.Addr
	answers map[string]int // given so far
}

// Of the DNS message format, RFC 1035: its fixed lengths and the few values that are used.
const (
	headerBytes  = 12
	typeA        = 1
	typeAndClass = 4
	response     = 0x8400 // an authoritative answer
	sameName     = 0xC000 | headerBytes
	ttlSeconds   = 1
)

// nameServerAddress is one that no other test has: every address that begins with 127 is this machine's own.
func nameServerAddress() *net.UDPAddr {
	return &net.UDPAddr{IP: net.IPv4(127, byte(1+rand.N(254)), byte(rand.N(256)), byte(1+rand.N(254))), Port: 53}
}

func startResolver(t testing.TB) *Resolver {
	t.Helper()
	address := nameServerAddress()
	conn, err := net.ListenUDP("udp4", address)
	if err != nil {
		programs.Missing(t, "a name server", fmt.Sprintf("no name server at %s (%v), so nothing was proven on a real cluster: run the tests as root, or on a Linux that lets users have namespaces", address, err))
	}
	t.Cleanup(func() { conn.Close() })
	r := &Resolver{File: filepath.Join(newFolder(t, Account(t)), "resolv.conf"), names: map[string][]netip.Addr{}, answers: map[string]int{}}
	write(t, r.File, fmt.Appendf(nil, "nameserver %s\n", address.IP))
	if err := os.Chmod(r.File, 0o644); err != nil {
		t.Fatal(err)
	}
	go func() {
		for query := make([]byte, 512); ; {
			n, from, err := conn.ReadFromUDP(query)
			if err != nil {
				return // the test has ended
			}
			if answer := r.answer(query[:n]); answer != nil {
				_, _ = conn.WriteToUDP(answer, from)
			}
		}
	}()
	return r
}

// Set says where a name leads from now on.
func (r *Resolver) Set(name string, addresses ...string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.names[name] = nil
	for _, address := range addresses {
		r.names[name] = append(r.names[name], netip.MustParseAddr(address))
	}
}

// answer returns nil for what is no query.
func (r *Resolver) answer(query []byte) []byte {
	var labels []string
	at := headerBytes
	for at < len(query) && query[at] != 0 {
		end := at + 1 + int(query[at])
		if end > len(query) {
			return nil
		}
		labels = append(labels, string(query[at+1:end]))
		at = end
	}
	end := at + 1 + typeAndClass
	if end > len(query) {
		return nil
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	name := strings.ToLower(strings.Join(labels, "."))
	addresses := r.names[name]
	if binary.BigEndian.Uint16(query[at+1:]) != typeA {
		addresses = nil
	}
	answer := append([]byte{}, query[:2]...)
	for _, field := range []uint16{response, 1, uint16(min(len(addresses), 1)), 0, 0} {
		answer = binary.BigEndian.AppendUint16(answer, field)
	}
	answer = append(answer, query[headerBytes:end]...)
	if len(addresses) > 0 {
		address := addresses[r.answers[name]%len(addresses)].As4()
		r.answers[name]++
		for _, field := range []uint16{sameName, typeA, 1, 0, ttlSeconds, uint16(len(address))} {
			answer = binary.BigEndian.AppendUint16(answer, field)
		}
		answer = append(answer, address[:]...)
	}
	return answer
}
