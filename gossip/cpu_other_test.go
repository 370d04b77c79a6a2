//go:build !unix

package gossip

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
