package delegate_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/delegate"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// cache is what an application of memberlist looks like.
type cache struct{ invalidated chan string }

func (c cache) NotifyMsg(key []byte) { c.invalidated <- string(key) }

// invalidation is a broadcast: a later one of the same key is as good.
type invalidation string

func (i invalidation) Invalidates(b delegate.Broadcast) bool { return b == i }
func (i invalidation) Message() []byte                       { return []byte(i) }
func (i invalidation) Finished()                             {}

// Two nodes, one of which hears what the other one says.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	a, err := gossip.Start(ctx, gossip.Config{ID: "a"})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	b, err := gossip.Start(ctx, gossip.Config{ID: "b", Join: []string{a.Self().Addr}})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()

	app := cache{make(chan string, 1)}
	go delegate.Run(ctx, b, app)

	queue := delegate.NewQueue(a, delegate.QueueConfig{})
	defer queue.Close()
	queue.QueueBroadcast(invalidation("user:7"))
	fmt.Println(<-app.invalidated)
	// Output: user:7
}
