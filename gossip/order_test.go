package gossip

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestNodesThatDifferInOrder: such nodes understand each other, so they link; but
// somebody has to be told why messages come without the past that they had.
func TestNodesThatDifferInOrder(t *testing.T) {
	for _, tt := range []struct {
		orders [2]Order
		warn   bool
	}{
		{[2]Order{Causal, Causal}, false},
		{[2]Order{Causal, FIFO}, true},
		{[2]Order{Unordered, Causal}, true},
		{[2]Order{FIFO, Unordered}, false}, // neither promises what the other breaks
	} {
		synctest.Test(t, func(t *testing.T) {
			_, config := inMemory(t)
			var told [2]bytes.Buffer
			cfg := [2]Config{config().with("a"), config().with("b")}
			for i := range cfg {
				cfg[i].Order = tt.orders[i]
				cfg[i].Logger = slog.New(slog.NewTextHandler(&told[i], &slog.HandlerOptions{Level: slog.LevelWarn}))
			}
			a := start(t, cfg[0])
			cfg[1].Join = []string{a.Self().Addr}
			b := start(t, cfg[1])
			if err := b.Ready(t.Context()); err != nil {
				t.Error(err)
			}
			time.Sleep(30 * time.Second) // in which nobody warns twice
			a.Close()
			b.Close()
			for i := range told {
				if n := strings.Count(told[i].String(), "Config.Order should be the same on all nodes"); (n == 1) != tt.warn || n > 1 {
					t.Errorf("%v and %v: node %d was told %q", tt.orders[0], tt.orders[1], i, told[i].String())
				}
			}
		})
	}
}
