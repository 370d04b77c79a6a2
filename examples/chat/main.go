// Command chat is a conversation in which no answer comes before its question, whatever
// ways messages take, and in which one sees what was said without knowing of each other.
//
//	go run ./examples/chat                                  # plays a short conversation
//	go run ./examples/chat --name ann --listen 127.0.0.1:7946
//	go run ./examples/chat --name bob --join 127.0.0.1:7946  # in another terminal
//
// room.go is the example; terminal.go puts it on a terminal, and demo.go plays.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

func main() {
	name := flag.String("name", "", "take part under this name, and not only watch a short conversation being played")
	listen := flag.String("listen", "", "with --name: where to listen, as host:port (default a free port of loopback)")
	join := flag.String("join", "", "with --name: the address of somebody who is there already")
	keys := flag.String("keyring", "", "with --name: a file with keys (gossip keys new), without which all is said in the clear and on loopback only")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "Plays a short conversation. With --name, takes part in one on this terminal.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*name, *listen, *join, *keys); err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

func run(name, listen, join, keys string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if name == "" {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		_, err := demo(ctx, os.Stdout)
		return err
	}
	cfg := gossip.Config{ID: name, Listen: listen}
	if join != "" {
		cfg.Join = []string{join}
	}
	if keys != "" {
		ring, err := keyring.Load(keys)
		if err != nil {
			return err
		}
		cfg.Keyring = ring
	}
	room, err := Enter(ctx, cfg)
	if err != nil {
		return err
	}
	return talk(ctx, room, os.Stdin, os.Stdout)
}
