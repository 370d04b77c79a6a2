package gossip

import (
	"time"

	"golang.org/x/time/rate"
)

// warnings are lines of the log that others can cause as many of as they like. Whoever
// is barred may come back under another name or address, and of messages that never
// were there is no end. So at first there is a line for each, and then one now and then,
// which tells how many were left out.
type warnings struct {
	limit   *rate.Limiter
	leftOut uint64 // since the last one
}

// Guesses: twenty lines say which way an attack comes, and with six more a minute a log
// grows by some 2 MiB a day.
const (
	mostWarnings = 20
	warningEvery = 10 * time.Second
)

func newWarnings() warnings {
	return warnings{limit: rate.NewLimiter(rate.Every(warningEvery), mostWarnings)}
}

// warn writes a line, unless there were too many.
func (n *Node) warn(w *warnings, what string, args ...any) {
	if !w.limit.AllowN(time.Unix(0, 0).Add(n.now()), 1) {
		n.stats.Unlogged++
		w.leftOut++
		return
	}
	if w.leftOut > 0 {
		args = append(args, "left_out", w.leftOut)
		w.leftOut = 0
	}
	n.log.Warn(what, args...)
}
