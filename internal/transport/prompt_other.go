//go:build !unix

package transport

// writesPromptly: writing to a socket of package net goes through the system's queue of
// completions there.
const writesPromptly = false

func (p *Prompt) tryWrite(uintptr) {}
