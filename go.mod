module github.com/Ishan27gOrg/gossipProtocol

go 1.26.0

toolchain go1.26.10

require (
	go.uber.org/goleak v1.3.0
	golang.org/x/crypto v0.59.0
	golang.org/x/time v0.16.0
	pgregory.net/rapid v1.3.0
)

require golang.org/x/sys v0.50.0 // indirect
