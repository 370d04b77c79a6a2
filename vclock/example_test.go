package vclock_test

import (
	"encoding/json"
	"fmt"

	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Ann sends a message to Bob, who answers, while Cid, who has heard of neither,
// sends one of his own.
func Example() {
	var ann, bob, cid vclock.Clock

	question := ann.Increment("ann")
	answer := bob.Merge(question).Increment("bob")
	aside := cid.Increment("cid")

	fmt.Println(question, answer, aside)
	fmt.Println(question.Compare(answer))
	fmt.Println(answer.Compare(question))
	fmt.Println(answer.Compare(aside))
	fmt.Println(answer.Merge(aside))
	// Output:
	// {ann:1} {ann:1, bob:1} {cid:1}
	// before
	// after
	// concurrent
	// {ann:1, bob:1, cid:1}
}

func ExampleClock_HappenedBefore() {
	cause := vclock.FromMap(map[string]uint64{"p1": 1})
	effect := cause.Increment("p2")
	fmt.Println(cause.HappenedBefore(effect), effect.HappenedBefore(cause))
	// Output: true false
}

// A process that was restarted is a new origin with the same name.
func ExampleClock_With() {
	firstLife := vclock.Origin{Name: "p1", Incarnation: 17}
	secondLife := vclock.Origin{Name: "p1", Incarnation: 42}

	c := vclock.Clock{}.With(firstLife, 5)
	fmt.Println(c)
	c = c.With(secondLife, 1)
	fmt.Println(c, c.Get("p1"), c.At(secondLife))
	c = c.With(firstLife, 0)
	fmt.Println(c)
	// Output:
	// {p1:5}
	// {p1#17:5, p1#42:1} 6 1
	// {p1:1}
}

func ExampleClock_All() {
	c := vclock.FromMap(map[string]uint64{"p2": 3, "p1": 1})
	for origin, count := range c.All() {
		fmt.Println(origin, count)
	}
	// Output:
	// p1 1
	// p2 3
}

func ExampleClock_MarshalText() {
	c := vclock.Clock{}.With(vclock.Origin{Name: "p1", Incarnation: 17}, 1).Increment("p2")
	text, _ := c.MarshalText()
	fmt.Printf("%s\n", text)

	var back vclock.Clock
	fmt.Println(back.UnmarshalText(text), back.Equal(c))
	// Output:
	// {p1#17:1, p2:1}
	// <nil> true
}

func ExampleClock_MarshalJSON() {
	c := vclock.Clock{}.With(vclock.Origin{Name: "p1", Incarnation: 17}, 1).Increment("rack#2")
	data, _ := json.Marshal(c)
	fmt.Printf("%s\n", data)
	// Output: {"p1#17":1,"rack%232":1}
}

// Messages that came in any order are put into one that respects causality.
func ExampleSort() {
	type message struct {
		text  string
		clock vclock.Clock
	}
	hello := vclock.Clock{}.Increment("ann")
	reply := hello.Increment("bob")
	messages := []message{
		{"thanks", reply.Increment("ann")},
		{"hi ann", reply},
		{"hello", hello},
	}
	vclock.Sort(messages, func(m message) vclock.Clock { return m.clock })
	for _, m := range messages {
		fmt.Println(m.clock, m.text)
	}
	// Output:
	// {ann:1} hello
	// {ann:1, bob:1} hi ann
	// {ann:2, bob:1} thanks
}
