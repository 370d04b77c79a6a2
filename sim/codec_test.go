package sim

import "testing"

// What comes of a scenario hardly depends on whether its nodes are told what the
// bytes say or the thing itself; the bytes of a datagram and of a frame are those
// that package wire would write, and only the bytes of order grow with concurrency.
func TestTheCodecPassesEverythingOn(t *testing.T) {
	for _, scenario := range []string{calm, outlasted} {
		s, err := ParseScenario(scenario)
		if err != nil {
			t.Fatal(err)
		}
		plain := Run(s)
		s.Codec = true
		coded := Run(s)
		if !plain.Kept() || !coded.Kept() || coded.Missing != 0 {
			t.Errorf("%q and %q", plain.Violations, coded.Violations)
		}
		if plain.PayloadBytes != 0 || plain.Traffic[0].Bytes != 0 {
			t.Errorf("bytes without bytes: %+v", plain)
		}
		for _, k := range coded.Traffic {
			if k.Bytes < 5*k.Sent { // the least frame
				t.Errorf("%d %s in %d bytes", k.Sent, k.Kind, k.Bytes)
			}
		}
	}
	one, all := runText(t, calm+"codec on\norigins 1"), runText(t, calm+"codec on\norigins 0")
	a, b := one.Talks[0], all.Talks[0]
	if a.OrderP99 > 20 || b.OrderP99 <= a.OrderP99 || b.ClockP50 <= a.ClockP50 {
		t.Errorf("of one origin: %+v; of all: %+v", a, b)
	}
	if one.PayloadBytes != len("message")*kind(one, "DATA").Sent || one.OrderBytes >= kind(one, "DATA").Bytes-one.PayloadBytes {
		t.Errorf("%+v", one)
	}
}

func runText(t *testing.T, text string) Report {
	t.Helper()
	s, err := ParseScenario(text)
	if err != nil {
		t.Fatal(err)
	}
	return Run(s)
}

func kind(r Report, name string) KindReport {
	for _, k := range r.Traffic {
		if k.Kind == name {
			return k
		}
	}
	return KindReport{}
}
