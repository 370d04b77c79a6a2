//go:build unix

package main

import "syscall"

// privately calls f, which makes a file that only this user can use.
func privately(f func() error) error {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	return f()
}
