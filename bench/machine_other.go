//go:build !linux

package main

import (
	"errors"
	"os/exec"
	"time"
)

// What is measured here is measured on Linux. Elsewhere the systems run, for whoever
// works on them.

type traffic struct{ bytes, packets int64 }

func (t traffic) minus(traffic) traffic { return traffic{} }

func loopback() traffic               { return traffic{} }
func cpuTime() time.Duration          { return 0 }
func realTime() bool                  { return false }
func waitTime() time.Duration         { return 0 }
func countCalls() (stop func() int64) { return func() int64 { return -1 } }
func ownNetwork(*exec.Cmd)            {}
func makeEthernet(int) error          { return errors.New("only on Linux") }
func mayMakeNetworks() bool           { return false }
func openSockets() int                { return 0 }
func residentMemory() float64         { return 0 }
func manyFiles()                      {}

func mostFiles() int { return 1024 }
