package agent

import (
	"reflect"
	"strings"
	"unicode"

	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// Stats returns the node's sizes and counters, by the names of gossip.Stats in lower
// case; those of the protocol's own begin with "protocol.", and what memory is used for
// with "memory_use.".
func (a *Agent) Stats() map[string]float64 {
	all := make(map[string]float64)
	flatten(all, "", reflect.ValueOf(a.node.Stats()))
	kept := a.messages.Stats()
	all["kept_messages"], all["kept_bytes"] = float64(kept.Entries), float64(kept.Cost)
	all["readers"] = float64(kept.Readers + a.events.Stats().Readers)
	return all
}

func flatten(all map[string]float64, prefix string, v reflect.Value) {
	for i := range v.NumField() {
		f, name := v.Field(i), prefix+snake(v.Type().Field(i).Name)
		switch {
		case v.Type().Field(i).Anonymous && f.Type() == reflect.TypeFor[protocol.Counters]():
			flatten(all, "protocol.", f) // some of its names are those of the runtime as well
		case f.Kind() == reflect.Struct && v.Type().Field(i).Anonymous:
			flatten(all, prefix, f)
		case f.Kind() == reflect.Struct:
			flatten(all, name+".", f)
		case f.CanInt():
			all[name] = float64(f.Int())
		case f.CanUint():
			all[name] = float64(f.Uint())
		case f.CanFloat():
			all[name] = f.Float()
		}
	}
}

// snake writes BadPackets as bad_packets.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
