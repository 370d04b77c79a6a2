// Package delegate has a node call the application back, for programs that come from
// memberlist or Serf and are built that way:
//
//	node, err := gossip.Start(ctx, gossip.Config{ID: "web-1", Join: []string{"10.0.0.7:7946"}})
//	...
//	queue := delegate.NewQueue(node, delegate.QueueConfig{})
//	go delegate.Run(ctx, node, app)         // app.NotifyMsg(payload), one call at a time
//	queue.QueueBroadcast(update{key: "a"})  // returns at once, and replaces an older one
//
// New programs should range over Node.Messages instead, which is no more to write.
//
// # What is as it was
//
// NotifyMsg has memberlist's signature, and is not called with the node's own messages.
// Broadcast has its three methods, and QueueBroadcast drops what a newer one invalidates
// as long as it has not been sent.
//
// # What is better
//
// Calls come once for each message, in causal order, and a slow one delays only its own
// application: beyond Config.BacklogBytes messages are dropped, and NotifyOverflow says
// so. With Config.Store what was in the log when the node's last life ended comes once more,
// and first: NotifyMessage can tell by Message.Restored. A queue has a bound. What left it
// is with the node, which gets it to everybody.
//
// # What cannot be
//
// A node knows a partial view and not its members. So there is no NotifyJoin and no
// NotifyLeave, which would say something about the network: NotifyUp and NotifyDown are
// about this node's own links, of which it changes some now and then although nobody has
// left; and NotifySeen says that a node is there that this one had not met, but not that
// it has just come, and nothing ever says that one is gone. In a network of no more nodes than the
// view has room for, everybody is seen by everybody in time; in a larger one not.
// There are no NodeMeta, LocalState and MergeRemoteState either: docs/from-memberlist.md
// tells what takes their place.
package delegate
