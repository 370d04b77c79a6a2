module github.com/Ishan27gOrg/gossipProtocol/internal/wirebench

go 1.26.0

toolchain go1.26.10

require (
	github.com/Ishan27gOrg/gossipProtocol v0.0.0
	google.golang.org/protobuf v1.36.12
)

// Always built with the library beside it.
replace github.com/Ishan27gOrg/gossipProtocol => ../..
