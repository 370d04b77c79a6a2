//go:build unix

package transport

import "syscall"

// Await waits until there is a datagram to be read, or ReadFrom would fail, and reports
// whether that was not so at once. It takes no buffer, and less stack than ReadFrom: half of
// what a node would have for it while nothing comes.
func (s *sockets) Await() (waited bool) {
	looked := false
	if raw, err := s.udp.SyscallConn(); err == nil {
		_ = raw.Read(func(fd uintptr) bool { // what is wrong ReadFrom tells
			waited, looked = looked, true
			return waited || isReadable(fd)
		})
	}
	return waited
}

// isReadable looks at a socket, which itself waits for nothing.
func isReadable(fd uintptr) bool {
	_, _, err := syscall.Recvfrom(int(fd), nil, syscall.MSG_PEEK)
	return err != syscall.EAGAIN
}
