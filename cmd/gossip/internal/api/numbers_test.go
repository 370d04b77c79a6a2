package api

import "testing"

// Names are those of the fields, as people write them.
func TestSnake(t *testing.T) {
	for name, want := range map[string]string{"BadPackets": "bad_packets", "RTT": "rtt", "LinkRTTMax": "link_rtt_max", "View": "view"} {
		if got := snake(name); got != want {
			t.Errorf("%s is written %s, want %s", name, got, want)
		}
	}
}
