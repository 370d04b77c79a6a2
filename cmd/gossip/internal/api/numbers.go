package api

import (
	"reflect"
	"strings"
	"unicode"

	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// Numbers are the numbers in a struct, by the names of its fields in lower case. Those of
// protocol.Counters begin with "protocol.", since some of its names are those of the
// runtime as well, and those of other structs in it with their field's name and a dot.
func Numbers(of any) map[string]float64 {
	all := make(map[string]float64)
	flatten(all, "", reflect.ValueOf(of))
	return all
}

func flatten(all map[string]float64, prefix string, v reflect.Value) {
	if v.Type() == reflect.TypeFor[protocol.Counters]() {
		prefix = "protocol."
	}
	for i := range v.NumField() {
		f, name := v.Field(i), prefix+snake(v.Type().Field(i).Name)
		switch {
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
