package transport

import (
	"net"
	"syscall"
)

// Prompt writes to streams what they take at once, and never waits: for a goroutine that
// may not. The zero value is ready for use, by one goroutine at a time.
type Prompt struct {
	write func(fd uintptr) // tryWrite, made once
	b     []byte
	n     int
}

// Raw returns what Prompt writes to a stream by; nil if it cannot. Nobody else may write
// to the stream meanwhile.
func Raw(stream net.Conn) syscall.RawConn {
	s, ok := stream.(syscall.Conn)
	if !ok || !writesPromptly {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// Write tells how much of b the stream has taken: none, some or all of it. What is wrong
// with the stream, or that it takes nothing more for now, whoever writes the rest will see.
func (p *Prompt) Write(raw syscall.RawConn, b []byte) int {
	if p.write == nil {
		p.write = p.tryWrite
	}
	p.b, p.n = b, 0
	// Control, and not Write, which fails when the deadline of the stream has passed: that is
	// set by who waits, and may be long ago.
	_ = raw.Control(p.write)
	p.b = nil
	return p.n
}
