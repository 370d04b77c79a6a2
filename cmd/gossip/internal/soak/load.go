package soak

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
)

// senders is how many clients there are. One whose agent is down waits for that to come
// back, so there are more than would be needed for the rate.
const senders = 32

// sendPatience is how long a client tries to get an answer: longer than any agent is
// down, so that giving up is a fault.
const sendPatience = 2 * time.Minute

// load has clients send until timed ends, and then wait for the answers they lack.
func (r *run) load(ctx, timed context.Context, all *sync.WaitGroup) {
	every := time.Duration(float64(time.Second) * senders / r.Rate)
	most := int(r.Rate*r.For.Seconds())/senders + 1
	for s := range senders {
		all.Go(func() {
			if !pause(timed, r.between(0, every)) {
				return
			}
			for i := 0; i < most; i++ {
				began := time.Now()
				r.send(ctx, fmt.Sprintf("client %d, message %d", s, i))
				if !pause(timed, max(0, r.between(every/2, every*3/2)-time.Since(began))) {
					return
				}
			}
		})
	}
}

// send sends one message to an agent, again and again until there is an answer.
func (r *run) send(ctx context.Context, text string) {
	ctx, cancel := context.WithTimeout(ctx, sendPatience)
	defer cancel()
	m := r.members[r.intN(len(r.members))]
	payload := text + strings.Repeat(".", r.intN(400)) // of lengths that differ
	key := api.NewKey()
	for {
		id, err := m.client.Send(ctx, []byte(payload), key)
		if err == nil {
			r.judge.accept(id.ID, payload)
			return
		}
		// It answers 503 while it leaves: then the next life may be asked.
		if p := (*api.Problem)(nil); errors.As(err, &p) && p.Status != 503 || !pause(ctx, 200*time.Millisecond) {
			if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
				r.judge.blame("%s: %q had no answer: %v", m.name, text, err)
			}
			return
		}
	}
}
