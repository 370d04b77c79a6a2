//go:build unix

package transport

import "syscall"

const writesPromptly = true

// tryWrite writes once. Sockets of package net do not block: a full one says EAGAIN.
func (p *Prompt) tryWrite(fd uintptr) {
	for {
		n, err := syscall.Write(int(fd), p.b)
		if err == syscall.EINTR {
			continue
		}
		p.n = max(0, n)
		return
	}
}
