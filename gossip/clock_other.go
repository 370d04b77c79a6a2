//go:build !linux

package gossip

import "time"

// suspended would be how long the computer has slept. Windows counts sleep in Go's
// own clock; for other systems nobody has looked.
func suspended() time.Duration { return 0 }
