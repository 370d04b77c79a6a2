package identity_test

import (
	"fmt"
	"log"

	"github.com/Ishan27gOrg/gossipProtocol/identity"
)

// Who knows a node's name can check what it has signed. A roster says whether it counts.
func Example() {
	key := identity.Generate() // identity.Load(file) in earnest
	name, err := identity.Name("db-1", key.Public())
	if err != nil {
		log.Fatal(err)
	}
	signature := key.Sign([]byte("example: all is well"))

	label, public, ok := identity.Split(name)
	fmt.Println(label, ok, public.Verify([]byte("example: all is well"), signature))

	roster := identity.NewRoster() // of everybody
	fmt.Println("belongs:", roster.Has(public))
	if err := roster.Revoke(public); err != nil {
		log.Fatal(err)
	}
	fmt.Println("belongs:", roster.Has(public))
	// Output:
	// db-1 true true
	// belongs: true
	// belongs: false
}
