module github.com/Ishan27gOrg/gossipProtocol/cmd/gossip

go 1.26.0

require (
	github.com/Ishan27gOrg/gossipProtocol v0.0.0
	github.com/spf13/cobra v1.10.2
	github.com/spf13/pflag v1.0.10
	go.uber.org/goleak v1.3.0
	golang.org/x/term v0.47.0
)

require (
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

// The command is always built with the library beside it. A release of the
// command requires that release of the library instead.
replace github.com/Ishan27gOrg/gossipProtocol => ../..
