package sim

import "github.com/Ishan27gOrg/gossipProtocol/broadcast"

// OnArrive has f called for each payload that a link brings, before the machine
// that it reaches is given it. The machine delivers that very Message, unless it
// has had it, so that f can tell how long it was held back, and how many came in
// vain.
func (w *World) OnArrive(f func(m *broadcast.Message)) { w.arrived = f }
