package peersampling

// The named points of the space. All of them take the view size c; the papers
// use 30. A preset of a bad c is a bad Policy: Validate says so.
//
// The three 2007 presets select the oldest peer (tail). TOCS 2007 studies each
// with rand too: set Peer to Random for (rand, blind) and so on.

// Blind keeps a random part of what it has and hears: H = 0, S = 0.
// TOCS 2007, section 2.3.
func Blind(c int) Policy {
	return Policy{Peer: Tail, Propagation: PushPull, View: ByAge, C: c}
}

// Healer keeps the freshest: H = c/2, S = 0. It forgets the dead exponentially
// fast. TOCS 2007, section 2.3.
func Healer(c int) Policy {
	return Policy{Peer: Tail, Propagation: PushPull, View: ByAge, C: c, H: c / 2}
}

// Swapper gives up what it sent: H = 0, S = c/2. It loses the least information
// and has the most even in-degree of the three. TOCS 2007, section 2.3.
func Swapper(c int) Policy {
	return Policy{Peer: Tail, Propagation: PushPull, View: ByAge, C: c, S: c / 2}
}

// Balanced gives up what it sent, but for one descriptor, the oldest: H = 1,
// S = c/2 - 1. It is nearly as even as the swapper, and forgets the dead all the
// same (TOCS 2007 holds it up as the middle of its space; docs/experiments.md, "The
// default policy", has what comes of it).
func Balanced(c int) Policy {
	return Policy{Peer: Tail, Propagation: PushPull, View: ByAge, C: c, H: 1, S: c/2 - 1}
}

// Newscast is (rand,head,pushpull) by hop count: a random peer, everything
// exchanged, the freshest c kept. Jelasity, Kowalczyk and van Steen, "Newscast
// Computing", 2003; placed in the space by Middleware 2004, section 3.
func Newscast(c int) Policy {
	return Policy{Peer: Random, Propagation: PushPull, View: Head, C: c}
}

// Lpbcast is (rand,rand,push): the membership part of Eugster et al.,
// "Lightweight Probabilistic Broadcast", 2001; placed in the space by
// Middleware 2004, section 3. Push alone: see Policy.Propagation.
func Lpbcast(c int) Policy {
	return Policy{Peer: Random, Propagation: Push, View: Random, C: c}
}

// cyclonShuffle is Cyclon's shuffle length where c allows it: a value that its
// paper uses, and the one with which others measured an in-degree std of 1.75.
const cyclonShuffle = 8

// Cyclon is the enhanced shuffle of Voulgaris, Gavidia and van Steen, "CYCLON:
// Inexpensive Membership Management for Unstructured P2P Overlays", 2005,
// section 3: the oldest peer, 8 descriptors each way (c if that is less).
func Cyclon(c int) Policy {
	return Policy{Peer: Tail, Propagation: PushPull, View: ByAge, C: c, Shuffle: min(cyclonShuffle, c)}
}

// Brahms is the Byzantine resilient sampling of Bortnikov, Gurevich, Keidar,
// Kliot and Shraer, "Brahms: Byzantine Resilient Random Membership Sampling",
// Computer Networks 53(13), 2009, with as many samplers as the view is large,
// as in its evaluation. It costs about c messages in a round where the others
// cost two.
func Brahms(c int) Policy {
	return Policy{Peer: Random, Propagation: PushPull, View: Random, C: c, Samplers: c}
}

var presets = []struct {
	name   string
	policy func(c int) Policy
}{
	{"healer", Healer}, {"balanced", Balanced}, {"swapper", Swapper}, {"blind", Blind}, {"cyclon", Cyclon},
	{"newscast", Newscast}, {"lpbcast", Lpbcast}, {"brahms", Brahms},
}

// PresetNames lists the names that Preset knows.
func PresetNames() (names []string) {
	for _, p := range presets {
		names = append(names, p.name)
	}
	return names
}

// Preset returns the preset of that name, "healer", with views of c; false if there
// is none.
func Preset(name string, c int) (Policy, bool) {
	for _, p := range presets {
		if p.name == name {
			return p.policy(c), true
		}
	}
	return Policy{}, false
}
