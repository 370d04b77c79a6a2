package agent

import "github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"

// Stats returns the node's sizes and counters, and what is kept for readers.
func (a *Agent) Stats() map[string]float64 {
	all := api.Numbers(a.node.Stats())
	kept := a.messages.Stats()
	all["kept_messages"], all["kept_bytes"] = float64(kept.Entries), float64(kept.Cost)
	all["readers"] = float64(kept.Readers + a.events.Stats().Readers)
	return all
}
