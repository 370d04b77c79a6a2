package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// A demo's crowd talks at once, after the conversation that is shown.
const crowdLines = 40 // by each

// player is a participant who is played, and all that was on its screen.
type player struct {
	*Room
	screen []Line
}

// until has the player read until there are so many lines on its screen.
func (p *player) until(ctx context.Context, lines int) error {
	for len(p.screen) < lines {
		l, err := p.Next(ctx)
		if err != nil {
			return fmt.Errorf("%s has %d lines, and waits for %d: %w", p.Name(), len(p.screen), lines, err)
		}
		p.screen = append(p.screen, l)
	}
	return nil
}

// find returns the line by somebody that is lowest on the player's screen.
func (p *player) find(name string) *gossip.MessageID {
	for _, l := range slices.Backward(p.screen) {
		if l.Name == name {
			return &l.ID
		}
	}
	return nil
}

// tally is what the screens come to.
type tally struct {
	screens, lines, answers int
	above                   int // answers above what they answer, or without it
	beside                  int // pairs of lines that were said beside each other
}

func (t *tally) add(screen []Line) {
	t.screens++
	there := map[gossip.MessageID]bool{}
	for _, l := range screen {
		t.lines++
		t.beside += len(l.Beside)
		if l.Answers != nil {
			t.answers++
			if !there[*l.Answers] || l.To == 0 {
				t.above++
			}
		}
		there[l.ID] = true
	}
}

func demo(ctx context.Context, out io.Writer) (t tally, err error) {
	keys, err := keyring.New(keyring.NewKey()) // elsewhere: the same file for all
	if err != nil {
		return t, err
	}
	var players []*player
	defer func() {
		for _, p := range players {
			p.node.Close()
		}
	}()
	enter := func(name string, join ...string) (*player, error) {
		r, err := Enter(ctx, gossip.Config{ID: name, Join: join, Keyring: keys})
		if err != nil {
			return nil, err
		}
		players = append(players, &player{Room: r})
		return players[len(players)-1], nil
	}
	if err := conversation(ctx, out, enter); err != nil {
		return t, err
	}
	if err := crowd(ctx, players); err != nil {
		return t, err
	}
	eve, err := enter("eve", players[0].node.Self().Addr)
	if err != nil {
		return t, err
	}
	if err := eve.until(ctx, len(players[0].screen)); err != nil {
		return t, err
	}
	for _, p := range players {
		t.add(p.screen)
	}
	fmt.Fprintf(out, "\nThen all four talk at once, and eve comes when they are done.\n")
	fmt.Fprintf(out, "%d screens with %d lines in all, %d of them answers: %d are above what they answer.\n", t.screens, t.lines, t.answers, t.above)
	fmt.Fprintf(out, "%d pairs of lines are marked as said beside each other.\n", t.beside)
	if t.above > 0 {
		return t, errors.New("an answer came before its question")
	}
	return t, nil
}

// conversation plays two pairs who talk, then meet, and go on together.
func conversation(ctx context.Context, out io.Writer, enter func(string, ...string) (*player, error)) error {
	var names = []string{"ann", "bob", "carol", "dave"}
	p := map[string]*player{}
	for i, name := range names {
		var join []string
		if i%2 == 1 { // bob finds ann, dave finds carol, and the pairs do not know of each other
			join = []string{p[names[i-1]].node.Self().Addr}
		}
		var err error
		if p[name], err = enter(name, join...); err != nil {
			return err
		}
	}
	// Who says what, once how many lines are on the screen, and in answer to whom.
	script := []struct {
		who, text, to string
		after         int
	}{
		{"ann", "Who takes the pager tonight?", "", 0},
		{"carol", "The database is slow.", "", 0},
		{"bob", "I do.", "ann", 1},
		{"dave", "I am looking into it.", "carol", 1},
		{who: "carol"}, // the pairs meet
		{"bob", "Is it the backup?", "carol", 4},
		{"ann", "The backup ended an hour ago.", "bob", 5},
		{"dave", "It was, and hung. Fast again now.", "bob", 5},
	}
	said := 0
	for _, s := range script {
		if s.text == "" {
			if err := p["carol"].node.Join(ctx, p["ann"].node.Self().Addr); err != nil {
				return err
			}
			continue
		}
		if err := p[s.who].until(ctx, s.after); err != nil {
			return err
		}
		if err := p[s.who].Say(ctx, s.text, p[s.who].find(s.to)); err != nil {
			return err
		}
		said++
	}
	fmt.Fprintln(out, "ann and bob talk, and carol and dave do, before the pairs know of each other. Then they meet.")
	for _, name := range names {
		if err := p[name].until(ctx, said); err != nil {
			return err
		}
		if name == "ann" || name == "carol" {
			fmt.Fprintf(out, "\n%s's screen\n", name)
			for _, l := range p[name].screen {
				fmt.Fprintln(out, l)
			}
		}
	}
	return nil
}

// crowd has all talk at once, each answering any of the last lines on its screen.
func crowd(ctx context.Context, players []*player) error {
	total := len(players[0].screen) + len(players)*crowdLines
	errs := make(chan error, len(players))
	var wg sync.WaitGroup
	for i, p := range players {
		random := rand.New(rand.NewPCG(uint64(i), 0))
		wg.Go(func() {
			for n := range crowdLines {
				last := p.screen[max(0, len(p.screen)-10):]
				if err := p.Say(ctx, fmt.Sprint("line ", n), &last[random.IntN(len(last))].ID); err != nil {
					errs <- err
					return
				}
				if err := p.until(ctx, len(p.screen)+1); err != nil { // there is one at least, its own
					errs <- err
					return
				}
			}
			errs <- p.until(ctx, total)
		})
	}
	wg.Wait()
	close(errs)
	var err error
	for e := range errs {
		err = errors.Join(err, e)
	}
	return err
}
