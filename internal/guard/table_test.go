package guard

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A table is a list, newest first, that is cut at its limit.
func TestTableIsAListThatIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 6).Draw(t, "limit")
		x := newTable[int, int](limit)
		var model []int
		values := map[int]int{}
		evicted := uint64(0)
		front := func(k int) {
			model = slices.DeleteFunc(model, func(m int) bool { return m == k })
			model = append([]int{k}, model...)
		}
		key := rapid.IntRange(0, 9)
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k, v := key.Draw(t, "key"), rapid.Int().Draw(t, "value")
				x.put(k, v)
				front(k)
				values[k] = v
				if len(model) > limit {
					model = model[:limit]
					evicted++
				}
			},
			"use": func(t *rapid.T) {
				k := key.Draw(t, "key")
				if got := x.use(k); (got != nil) != slices.Contains(model, k) {
					t.Fatalf("use(%d) = %v, the model has %v", k, got, model)
				} else if got != nil {
					front(k)
				}
			},
			"remove": func(t *rapid.T) {
				k := key.Draw(t, "key")
				x.remove(k)
				model = slices.DeleteFunc(model, func(m int) bool { return m == k })
			},
			"make room": func(t *rapid.T) {
				full := len(model) == limit
				x.makeRoom(func(v *int) int64 { return int64(*v) })
				if !full {
					return
				}
				evicted++
				least := slices.MinFunc(model, func(a, b int) int {
					if values[a] != values[b] {
						return map[bool]int{true: -1, false: 1}[values[a] < values[b]]
					}
					return slices.Index(model, b) - slices.Index(model, a) // the older
				})
				model = slices.DeleteFunc(model, func(m int) bool { return m == least })
			},
			"": func(t *rapid.T) {
				if x.len() != len(model) || x.evicted != evicted || len(x.slots) > limit+1 {
					t.Fatalf("%d kept, %d evicted, %d slots; the model has %v, %d", x.len(), x.evicted, len(x.slots), model, evicted)
				}
				for _, k := range model {
					if got := x.get(k); got == nil || *got != values[k] {
						t.Fatalf("get(%d) = %v, want %d", k, got, values[k])
					}
				}
				k, v := x.oldest()
				if len(model) == 0 && v != nil || len(model) > 0 && (v == nil || k != model[len(model)-1]) {
					t.Fatalf("the oldest is %d, the model has %v", k, model)
				}
			},
		})
	})
}
