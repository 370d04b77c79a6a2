package metrics

import "github.com/Ishan27gOrg/gossipProtocol/gossip"

// metric is one time series of gossip.Stats.
type metric struct {
	field string // of gossip.Stats, with those that it is in
	name  string // without "gossip_"
	help  string
	label [2]string // name and value; none if empty
	gauge bool
	read  func(*gossip.Stats) float64
}

func gauge[N int | uint64](field, name, help string, read func(*gossip.Stats) N) metric {
	return metric{field: field, name: name, help: help, gauge: true, read: func(s *gossip.Stats) float64 { return float64(read(s)) }}
}

func counter(field, name, help string, read func(*gossip.Stats) uint64) metric {
	return metric{field: field, name: name + "_total", help: help, read: func(s *gossip.Stats) float64 { return float64(read(s)) }}
}

func labelled(m metric, label, value string) metric {
	m.label = [2]string{label, value}
	return m
}

// drop is something that came, or was to go, and did not get on.
func drop(field, reason string, read func(*gossip.Stats) uint64) metric {
	return labelled(counter(field, "dropped", helpDropped, read), "reason", reason)
}

func memory(field, use string, read func(*gossip.MemoryUse) int) metric {
	return labelled(gauge("MemoryUse."+field, "memory_use_bytes", "Memory charged, by what it is used for.", func(s *gossip.Stats) int { return read(&s.MemoryUse) }), "use", use)
}

func exchange(field, result string, read func(*gossip.Stats) uint64) metric {
	return labelled(counter("Counters."+field, "exchanges", "Exchanges of the peer sampling service: begun by this node, answered for others, and those begun that had no answer.", read), "result", result)
}

func evicted(field, why string, read func(*gossip.Stats) uint64) metric {
	return labelled(counter("Counters."+field, "log_evicted_messages", "Messages that the log has let go of, for room or for their age.", read), "reason", why)
}

func linkEnd(field, event string, read func(*gossip.Stats) uint64) metric {
	return labelled(counter("Counters."+field, "link_events", "What became of links: accepted, refused, evicted to make room, lost, and given up since the peer was silent.", read), "event", event)
}

const helpDropped = "What did not get on, by reason: docs/operations.md tells what each means and what to do."

// table has every field of gossip.Stats.
var table = []metric{
	gauge("Gauges.View", "view_peers", "Peers in the partial view.", func(s *gossip.Stats) int { return s.View }),
	gauge("Gauges.Links", "links", "Links that are up.", func(s *gossip.Stats) int { return s.Links }),
	gauge("Gauges.Origins", "origins", "Origins whose messages are remembered.", func(s *gossip.Stats) int { return s.Origins }),
	gauge("Gauges.LogMessages", "log_messages", "Messages in the log.", func(s *gossip.Stats) int { return s.LogMessages }),
	gauge("Gauges.LogBytes", "log_bytes", "Size of the messages in the log.", func(s *gossip.Stats) int { return s.LogBytes }),
	gauge("Gauges.HeldMessages", "held_messages", "Messages that wait for others that happened before them.", func(s *gossip.Stats) int { return s.HeldMessages }),
	gauge("Gauges.HeldBytes", "held_bytes", "Size of the messages that wait for others.", func(s *gossip.Stats) int { return s.HeldBytes }),
	gauge("Gauges.Expected", "expected_messages", "Messages that were announced or are waited for, and have not come.", func(s *gossip.Stats) int { return s.Expected }),
	gauge("Gauges.Lacks", "catching_up_origins", "Origins of which links that catch up remember what their peers lack.", func(s *gossip.Stats) int { return s.Lacks }),
	gauge("BacklogMessages", "backlog_messages", "Delivered messages that the application has not read.", func(s *gossip.Stats) int { return s.BacklogMessages }),
	gauge("BacklogBytes", "backlog_bytes", "Size of the messages that the application has not read.", func(s *gossip.Stats) int { return s.BacklogBytes }),
	gauge("Identities", "identities", "Names in the address book.", func(s *gossip.Stats) int { return s.Identities }),
	gauge("Memory", "memory_limit_bytes", "What the node may hold in all.", func(s *gossip.Stats) int { return s.Memory }),
	gauge("MemoryHeld", "memory_held_bytes", "What is charged to the node.", func(s *gossip.Stats) int { return s.MemoryHeld }),

	memory("Log", "log", func(u *gossip.MemoryUse) int { return u.Log }),
	memory("Backlog", "backlog", func(u *gossip.MemoryUse) int { return u.Backlog }),
	memory("Held", "held", func(u *gossip.MemoryUse) int { return u.Held }),
	memory("Origins", "origins", func(u *gossip.MemoryUse) int { return u.Origins }),
	memory("Identities", "identities", func(u *gossip.MemoryUse) int { return u.Identities }),
	memory("Expected", "expected", func(u *gossip.MemoryUse) int { return u.Expected }),
	memory("Lacks", "catching_up", func(u *gossip.MemoryUse) int { return u.Lacks }),
	memory("Frames", "frames", func(u *gossip.MemoryUse) int { return u.Frames }),
	memory("Queues", "queues", func(u *gossip.MemoryUse) int { return u.Queues }),
	memory("Connections", "connections", func(u *gossip.MemoryUse) int { return u.Connections }),
	memory("Handshakes", "handshakes", func(u *gossip.MemoryUse) int { return u.Handshakes }),
	memory("Sources", "sources", func(u *gossip.MemoryUse) int { return u.Sources }),
	memory("Nonces", "nonces", func(u *gossip.MemoryUse) int { return u.Nonces }),
	memory("Callers", "callers", func(u *gossip.MemoryUse) int { return u.Callers }),
	memory("Fixed", "fixed", func(u *gossip.MemoryUse) int { return u.Fixed }),

	counter("Counters.Delivered", "delivered_messages", "Messages delivered, the node's own among them.", func(s *gossip.Stats) uint64 { return s.Delivered }),
	counter("Counters.Duplicates", "duplicate_messages", "Messages that came more than once; the application gets them once.", func(s *gossip.Stats) uint64 { return s.Duplicates }),
	counter("Counters.Withheld", "withheld_messages", "Messages from before the node's start that the application did not want.", func(s *gossip.Stats) uint64 { return s.Withheld }),
	counter("Counters.Sent", "sent_messages", "Messages sent to a neighbour each.", func(s *gossip.Stats) uint64 { return s.Sent }),
	counter("Counters.SentBytes", "sent_payload_bytes", "Payloads sent to a neighbour each.", func(s *gossip.Stats) uint64 { return s.SentBytes }),
	counter("Counters.Repaired", "repaired_messages", "Messages that a repair brought.", func(s *gossip.Stats) uint64 { return s.Repaired }),
	counter("Counters.Repairs", "repairs", "Reconciliations with a peer from the sample.", func(s *gossip.Stats) uint64 { return s.Repairs }),
	counter("Counters.WantsServed", "wants_served", "Messages sent because a neighbour asked for them.", func(s *gossip.Stats) uint64 { return s.WantsServed }),
	counter("Counters.WantsGone", "wants_gone", "Messages that a neighbour asked for and that were not there any more.", func(s *gossip.Stats) uint64 { return s.WantsGone }),
	counter("Counters.Held", "held_back_messages", "Messages that had to wait for others that happened before them.", func(s *gossip.Stats) uint64 { return s.Held }),
	counter("Counters.Announced", "announced_messages", "Messages announced to a neighbour each.", func(s *gossip.Stats) uint64 { return s.Announced }),
	counter("Counters.Pruned", "pruned_links", "Links taken out of the broadcast tree at this node's wish.", func(s *gossip.Stats) uint64 { return s.Pruned }),
	counter("Counters.Grafted", "grafted_links", "Links put into the broadcast tree at this node's wish.", func(s *gossip.Stats) uint64 { return s.Grafted }),
	counter("Counters.Gaps", "gaps", "Times that messages could no longer be had.", func(s *gossip.Stats) uint64 { return s.Gaps }),
	counter("Counters.GapMessages", "gap_messages", "Messages that could no longer be had.", func(s *gossip.Stats) uint64 { return s.GapMessages }),
	counter("Stored", "stored_records", "Records that the store was given, marks among them.", func(s *gossip.Stats) uint64 { return s.Stored }),
	counter("Counters.Restored", "restored_messages", "Messages that were in the store when the node started.", func(s *gossip.Stats) uint64 { return s.Restored }),
	counter("Counters.Retired", "retired_origins", "Origins that were silent for longer than the horizon, and are forgotten.", func(s *gossip.Stats) uint64 { return s.Retired }),
	counter("Counters.Probes", "join_probes", "Questions to join addresses and to peers lost.", func(s *gossip.Stats) uint64 { return s.Probes }),
	counter("Counters.PeersDropped", "peers_dropped", "Peers that did not answer and left the view.", func(s *gossip.Stats) uint64 { return s.PeersDropped }),
	counter("Counters.PeersRejoined", "peers_rejoined", "Peers that were lost and came back.", func(s *gossip.Stats) uint64 { return s.PeersRejoined }),
	counter("Counters.Offences", "offences", "Peers that misbehaved.", func(s *gossip.Stats) uint64 { return s.Offences }),

	exchange("Exchanges", "begun", func(s *gossip.Stats) uint64 { return s.Exchanges }),
	exchange("ExchangesServed", "answered", func(s *gossip.Stats) uint64 { return s.ExchangesServed }),
	exchange("ExchangesTimedOut", "timed_out", func(s *gossip.Stats) uint64 { return s.ExchangesTimedOut }),
	evicted("EvictedByBytes", "room", func(s *gossip.Stats) uint64 { return s.EvictedByBytes }),
	evicted("EvictedByAge", "age", func(s *gossip.Stats) uint64 { return s.EvictedByAge }),
	linkEnd("LinksAccepted", "accepted", func(s *gossip.Stats) uint64 { return s.LinksAccepted }),
	linkEnd("LinksRefused", "refused", func(s *gossip.Stats) uint64 { return s.LinksRefused }),
	linkEnd("LinksEvicted", "evicted", func(s *gossip.Stats) uint64 { return s.LinksEvicted }),
	linkEnd("LinksLost", "lost", func(s *gossip.Stats) uint64 { return s.LinksLost }),
	linkEnd("LinksTimedOut", "timed_out", func(s *gossip.Stats) uint64 { return s.LinksTimedOut }),

	counter("Described", "descriptions", "Questions of others that were answered with this node's links and view.", func(s *gossip.Stats) uint64 { return s.Described }),
	counter("PacketsSent", "packets_sent", "Datagrams sent.", func(s *gossip.Stats) uint64 { return s.PacketsSent }),
	counter("PacketsReceived", "packets_received", "Datagrams received.", func(s *gossip.Stats) uint64 { return s.PacketsReceived }),
	counter("PacketBytesSent", "packet_sent_bytes", "Datagrams sent, without IP and UDP headers.", func(s *gossip.Stats) uint64 { return s.PacketBytesSent }),
	counter("PacketBytesReceived", "packet_received_bytes", "Datagrams received, without IP and UDP headers.", func(s *gossip.Stats) uint64 { return s.PacketBytesReceived }),
	counter("LinkBytesSent", "link_sent_bytes", "Bytes sent on links, without IP and TCP headers.", func(s *gossip.Stats) uint64 { return s.LinkBytesSent }),
	counter("LinkBytesReceived", "link_received_bytes", "Bytes received on links, without IP and TCP headers.", func(s *gossip.Stats) uint64 { return s.LinkBytesReceived }),
	counter("LinkWrites", "link_writes", "System calls that wrote to links.", func(s *gossip.Stats) uint64 { return s.LinkWrites }),

	drop("BadPackets", "bad_packet", func(s *gossip.Stats) uint64 { return s.BadPackets }),
	drop("BadFrames", "bad_frame", func(s *gossip.Stats) uint64 { return s.BadFrames }),
	drop("Unsealed", "unsealed", func(s *gossip.Stats) uint64 { return s.Unsealed }),
	drop("OtherKeys", "other_key", func(s *gossip.Stats) uint64 { return s.OtherKeys }),
	drop("Forged", "forged", func(s *gossip.Stats) uint64 { return s.Forged }),
	drop("Replayed", "replayed", func(s *gossip.Stats) uint64 { return s.Replayed }),
	drop("Unproven", "unproven_address", func(s *gossip.Stats) uint64 { return s.Unproven }),
	drop("StrayAnswers", "stray_answer", func(s *gossip.Stats) uint64 { return s.StrayAnswers }),
	drop("Throttled", "throttled", func(s *gossip.Stats) uint64 { return s.Throttled }),
	drop("Slowed", "slowed", func(s *gossip.Stats) uint64 { return s.Slowed }),
	drop("Stalled", "stalled", func(s *gossip.Stats) uint64 { return s.Stalled }),
	drop("Crowded", "crowded", func(s *gossip.Stats) uint64 { return s.Crowded }),
	drop("TurnedAway", "turned_away", func(s *gossip.Stats) uint64 { return s.TurnedAway }),
	drop("Barred", "barred", func(s *gossip.Stats) uint64 { return s.Barred }),
	drop("KeysRemoved", "key_removed", func(s *gossip.Stats) uint64 { return s.KeysRemoved }),
	drop("UnknownKinds", "unknown_kind", func(s *gossip.Stats) uint64 { return s.UnknownKinds }),
	drop("OtherClusters", "other_cluster", func(s *gossip.Stats) uint64 { return s.OtherClusters }),
	drop("Unsigned", "unsigned", func(s *gossip.Stats) uint64 { return s.Unsigned }),
	drop("BadSignatures", "bad_signature", func(s *gossip.Stats) uint64 { return s.BadSignatures }),
	drop("Outdated", "outdated", func(s *gossip.Stats) uint64 { return s.Outdated }),
	drop("Unproved", "unproved_claim", func(s *gossip.Stats) uint64 { return s.Unproved }),
	drop("Revoked", "revoked", func(s *gossip.Stats) uint64 { return s.Revoked }),
	drop("BadDescriptors", "bad_descriptor", func(s *gossip.Stats) uint64 { return s.BadDescriptors }),
	drop("SendErrors", "send_error", func(s *gossip.Stats) uint64 { return s.SendErrors }),
	drop("Undescribed", "undescribed", func(s *gossip.Stats) uint64 { return s.Undescribed }),
	drop("SlowLinks", "slow_link", func(s *gossip.Stats) uint64 { return s.SlowLinks }),
	drop("Unstored", "unstored", func(s *gossip.Stats) uint64 { return s.Unstored }),
	drop("StoreErrors", "store_error", func(s *gossip.Stats) uint64 { return s.StoreErrors }),
	drop("Unrestored", "unrestored", func(s *gossip.Stats) uint64 { return s.Unrestored }),
	drop("BacklogDropped", "backlog", func(s *gossip.Stats) uint64 { return s.BacklogDropped }),
	drop("EventsDropped", "event", func(s *gossip.Stats) uint64 { return s.EventsDropped }),
	drop("Unlogged", "unlogged_warning", func(s *gossip.Stats) uint64 { return s.Unlogged }),
	drop("Conflicts", "conflict", func(s *gossip.Stats) uint64 { return s.Conflicts }),
	drop("Counters.Forged", "forged_message", func(s *gossip.Stats) uint64 { return s.Counters.Forged }),
	drop("Counters.Stray", "stray_frame", func(s *gossip.Stats) uint64 { return s.Stray }),
	drop("Counters.Skipped", "skipped_for_slow_link", func(s *gossip.Stats) uint64 { return s.Skipped }),
	drop("Counters.Forgotten", "forgotten_held", func(s *gossip.Stats) uint64 { return s.Forgotten }),
	drop("Counters.NoRoom", "no_room", func(s *gossip.Stats) uint64 { return s.NoRoom }),
	drop("Counters.Early", "of_tomorrow", func(s *gossip.Stats) uint64 { return s.Early }),
	drop("Counters.Stale", "stale", func(s *gossip.Stats) uint64 { return s.Stale }),
	drop("Counters.Unsolicited", "unsolicited_answer", func(s *gossip.Stats) uint64 { return s.Unsolicited }),
	drop("Counters.Crowded", "crowded_links", func(s *gossip.Stats) uint64 { return s.Counters.Crowded }),
	drop("Counters.Banned", "banned_peer", func(s *gossip.Stats) uint64 { return s.Banned }),
}
