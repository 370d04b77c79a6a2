package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

type options struct {
	replicas, writes int
	retain           time.Duration
}

// world is some replicas: at first two networks that do not know of each other.
type world struct {
	keys       *keyring.Ring
	retain     time.Duration
	east, west []*Store
	late       *Store
}

func (w *world) all() []*Store {
	all := slices.Concat(w.east, w.west)
	if w.late != nil {
		all = append(all, w.late)
	}
	return all
}

// result is what a demo came to.
type result struct {
	stores    []map[string]string
	conflicts []int // of each replica, from the two networks' meeting
	again     int   // flags that the late replica has from being told again
}

func demo(ctx context.Context, out io.Writer, o options) (r result, err error) {
	if o.replicas < 4 || o.replicas > 50 || o.writes < 1 || o.writes > 1000 || o.retain < time.Second || o.retain > 10*time.Second {
		return r, errors.New("allowed: 4 to 50 replicas, 1 to 1000 writes, keeping messages for 1s to 10s")
	}
	w := &world{retain: o.retain}
	defer w.close()
	if err := w.start(ctx, o.replicas); err != nil {
		return r, err
	}
	for _, step := range []func(context.Context, io.Writer, *result) error{w.oneWrite, w.conflict, w.lateJoiner} {
		if err := step(ctx, out, &r); err != nil {
			return r, err
		}
	}
	return r, w.load(ctx, out, o.writes, &r)
}

func (w *world) start(ctx context.Context, replicas int) (err error) {
	if w.keys, err = keyring.New(keyring.NewKey()); err != nil { // elsewhere: the same file on every host
		return err
	}
	if w.east, err = w.network(ctx, "east", replicas/2); err != nil {
		return err
	}
	w.west, err = w.network(ctx, "west", replicas-replicas/2)
	return err
}

func (w *world) network(ctx context.Context, name string, count int) (stores []*Store, err error) {
	for i := range count {
		var join []string
		if i > 0 {
			join = []string{stores[0].node.Self().Addr}
		}
		s, err := w.open(ctx, fmt.Sprint(name, "-", i+1), join)
		if err != nil {
			return stores, err
		}
		stores = append(stores, s)
	}
	return stores, nil
}

func (w *world) open(ctx context.Context, id string, join []string) (*Store, error) {
	s, err := Open(ctx, gossip.Config{ID: id, Join: join, Keyring: w.keys}, w.retain)
	if err != nil || join == nil {
		return s, err
	}
	return s, s.node.Ready(ctx)
}

// close has the last replica leave in good order. With the others the network ends, and
// nobody is left to leave to.
func (w *world) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	all := w.all()
	for i, s := range slices.Backward(all) {
		if i < len(all)-1 {
			s.node.Close()
		}
		s.Close(ctx)
	}
}

func name(s *Store) string { return s.node.Self().ID }

// await returns when cond holds at all of the stores.
func await(ctx context.Context, stores []*Store, cond func(*Store) bool) error {
	for _, s := range stores {
		if err := s.Await(ctx, func() bool { return cond(s) }); err != nil {
			return fmt.Errorf("%s: %w", name(s), err)
		}
	}
	return nil
}

// is returns whether a store has the flag at the value.
func is(flag, value string) func(*Store) bool {
	return func(s *Store) bool { v, _ := s.Get(flag); return v == value }
}

func (w *world) oneWrite(ctx context.Context, out io.Writer, _ *result) error {
	begin := time.Now()
	if err := w.east[0].Set(ctx, "dark-mode", "on"); err != nil {
		return err
	}
	if err := await(ctx, w.east, is("dark-mode", "on")); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s sets dark-mode=on: at all %d replicas in the east after %v\n", name(w.east[0]), len(w.east), short(time.Since(begin)))
	return nil
}

// conflict has both networks set the same flag before they meet.
func (w *world) conflict(ctx context.Context, out io.Writer, r *result) error {
	east, west := w.east[1], w.west[1]
	if err := errors.Join(east.Set(ctx, "checkout", "new"), west.Set(ctx, "checkout", "off")); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nEast and west are apart. %s sets checkout=new, %s sets checkout=off. Then they meet.\n", name(east), name(west))
	if err := w.west[0].node.Join(ctx, w.east[0].node.Self().Addr); err != nil {
		return err
	}
	if err := await(ctx, w.all(), func(s *Store) bool { return len(s.Conflicts()) > 0 && is("dark-mode", "on")(s) }); err != nil {
		return err
	}
	for _, s := range w.all() {
		c := s.Conflicts()[0]
		v, _ := s.Get("checkout")
		fmt.Fprintf(out, "  %s has checkout=%s, and knows of the conflict: %v by %s won over %v by %s\n", name(s), v, c.Won.Value, c.Won.ID.Origin, c.Lost.Value, c.Lost.ID.Origin)
	}
	if err := w.west[0].Set(ctx, "checkout", "v2"); err != nil {
		return err
	}
	if err := await(ctx, w.all(), is("checkout", "v2")); err != nil {
		return err
	}
	for _, s := range w.all() {
		r.conflicts = append(r.conflicts, len(s.Conflicts()))
	}
	fmt.Fprintf(out, "  %s, which knows of both, sets checkout=v2: everywhere, and no conflict\n", name(w.west[0]))
	return nil
}

// lateJoiner starts a replica when the messages that set the flags are long gone.
func (w *world) lateJoiner(ctx context.Context, out io.Writer, r *result) (err error) {
	select { // time must pass here: that is what is shown
	case <-time.After(w.retain + w.retain/4):
	case <-ctx.Done():
		return ctx.Err()
	}
	begin := time.Now()
	if w.late, err = w.open(ctx, "late", []string{w.east[1].node.Self().Addr}); err != nil {
		return err
	}
	want := w.east[0].All()
	if err := await(ctx, []*Store{w.late}, func(s *Store) bool { return maps.Equal(s.All(), want) }); err != nil {
		return err
	}
	w.late.mu.Lock()
	for _, f := range w.late.flags {
		if f.again {
			r.again++
		}
	}
	w.late.mu.Unlock()
	fmt.Fprintf(out, "\n%v later, messages being kept for %v, a replica joins. After %v it has %v, all by having been told again\n",
		w.retain+w.retain/4, w.retain, short(time.Since(begin)), text(want))
	return nil
}

// load has all replicas set the same few flags at the same time.
func (w *world) load(ctx context.Context, out io.Writer, writes int, r *result) error {
	var writers sync.WaitGroup
	errs := make(chan error, len(w.all()))
	for i, s := range w.all() {
		writers.Go(func() { errs <- setMany(ctx, s, writes, rand.New(rand.NewPCG(uint64(i), 0))) })
	}
	writers.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	// Each has set a last flag of its own. Who has that has all that came before it, which
	// is what the order is for.
	all := w.all()
	if err := await(ctx, all, func(s *Store) bool {
		return !slices.ContainsFunc(all, func(o *Store) bool { return !is("done/"+name(o), "yes")(s) })
	}); err != nil {
		return err
	}
	differ := 0
	for _, s := range all {
		r.stores = append(r.stores, s.All())
		if !maps.Equal(s.All(), all[0].All()) {
			differ++
		}
	}
	fmt.Fprintf(out, "\n%d replicas set 5 flags %d times each, at the same time. %d replicas differ from the first one, which has\n  %v\n", len(all), writes, differ, text(all[0].All()))
	if differ > 0 {
		return errors.New("replicas differ that have had the same writes")
	}
	return nil
}

func setMany(ctx context.Context, s *Store, writes int, random *rand.Rand) error {
	for i := range writes {
		if err := s.Set(ctx, fmt.Sprint("flag-", random.IntN(5)), fmt.Sprint(name(s), "/", i)); err != nil {
			return err
		}
	}
	return s.Set(ctx, "done/"+name(s), "yes")
}

func text(flags map[string]string) (s string) {
	for _, k := range slices.Sorted(maps.Keys(flags)) {
		if len(k) < 5 || k[:5] != "done/" {
			s += k + "=" + flags[k] + " "
		}
	}
	return s[:max(0, len(s)-1)]
}

func short(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
