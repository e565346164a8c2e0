package postgres

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"unsafe"
)

// inside marks the process that runs the tests in a network of its own.
const inside = "PEAKLINE_TEST_NAMESPACE"

// Capabilities of Linux: the port of a name server, and switching on the loopback interface.
const (
	capNetBindService = 10
	capNetAdmin       = 12
)

// Main runs the tests of a package that starts clusters. A name server has port 53, because PgBouncer asks no other, and
// that port is root's. Whoever is not root gets a network namespace where it is theirs, as long as the system lets users have
// one; otherwise such tests are skipped, or fail when CI=true.
func Main(m *testing.M) int {
	if os.Getenv(inside) != "" {
		if err := loopbackUp(); err != nil {
			fmt.Fprintln(os.Stderr, "switch on the loopback interface:", err)
			return 1
		}
		return m.Run()
	}
	if conn, err := net.ListenUDP("udp4", nameServerAddress()); err == nil {
		conn.Close()
		return m.Run()
	}
	command := exec.Command(os.Args[0], os.Args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = append(os.Environ(), inside+"=1")
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}},
		AmbientCaps: []uintptr{capNetBindService, capNetAdmin},
		Pdeathsig:   syscall.SIGKILL,
	}
	if err := command.Start(); err != nil {
		return m.Run() // startResolver says what is missing
	}
	var failed *exec.ExitError
	switch err := command.Wait(); {
	case errors.As(err, &failed):
		return failed.ExitCode()
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// loopbackUp does what `ip link set lo up` does: netdevice(7).
func loopbackUp() error {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(socket)
	request := struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP}
	copy(request.name[:], "lo")
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return errno
	}
	return nil
}
