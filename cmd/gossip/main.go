// Command gossip runs nodes of a gossip network: a demonstration of a whole one
// (demo), one node that stays (agent), and nodes that come to say something
// (send) or to hear something (listen). It also simulates networks as the papers
// do (sim). gossip VERB --help tells all.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
