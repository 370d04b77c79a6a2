import { describe, expect, test } from "vitest";
import { countsByName } from "../../src/api/read";
import type { Overlay } from "../../src/api/types";
import { inDegrees, indexOverlay, parts } from "../../src/graph/model";
import { alongTree, fromDeliveries, pathTo, toOneNode, type Neighbours } from "../../src/logic/spread";
import { World } from "../../mock/world.mjs";

const overlay = (o: Partial<Overlay>): Overlay => ({ at: "", complete: true, asked: 0, limit: 0, nodes: [], links: [], views: [], ...o });
const nodes = (...ids: string[]) => ids.map((id) => ({ id }));

describe("an overlay", () => {
  test("in-degree counts views, and views of a node once", () => {
    const n = indexOverlay(overlay({ nodes: nodes("a", "b", "c"), views: [{ from: "a", to: ["b", "c"] }, { from: "b", to: ["c"] }, { from: "b", to: ["a"] }] }));
    expect(inDegrees(n)).toEqual([0, 1, 2]);
    expect(n.viewedBy[2]).toEqual([0, 1]);
  });

  test("a link that both ends tell is one, and in the tree if one of them says so", () => {
    const n = indexOverlay(overlay({ nodes: nodes("a", "b"), links: [{ a: "a", b: "b", tree: false }, { a: "b", b: "a", tree: true }] }));
    expect([...n.ends, ...n.tree]).toEqual([0, 1, 1]);
    expect(n.adjacent).toEqual([[{ node: 1, tree: true }], [{ node: 0, tree: true }]]);
  });

  test("what names nobody is dropped, and a name is one node", () => {
    const n = indexOverlay(overlay({ nodes: nodes("a", "a", "b"), links: [{ a: "a", b: "x", tree: true }, { a: "a", b: "a", tree: true }], views: [{ from: "x", to: ["a"] }, { from: "a", to: ["x", "b"] }] }));
    expect([n.nodes.length, n.tree.length, ...inDegrees(n)]).toEqual([2, 0, 0, 1]);
  });

  test("nothing is known yet", () => {
    expect(indexOverlay(null)).toMatchObject({ nodes: [], selfIndex: -1 });
    expect(parts(indexOverlay(null))).toEqual({ count: 0, largest: 0 });
  });

  test("parts", () => {
    const n = indexOverlay(overlay({ nodes: nodes("a", "b", "c", "d"), links: [{ a: "a", b: "b", tree: true }, { a: "b", b: "c", tree: false }] }));
    expect(parts(n)).toEqual({ count: 2, largest: 3 });
  });
});

// a - b - c - d, with a short cut a - d that is not in the tree, and e apart.
const ways: Record<string, [string, boolean][]> = { a: [["b", true], ["d", false]], b: [["a", true], ["c", true]], c: [["b", true], ["d", true]], d: [["c", true], ["a", false]], e: [] };
const neighbours: Neighbours = (id) => (ways[id] ?? []).map(([id, tree]) => ({ id, tree }));
const way = (steps: { from: string; to: string }[]) => steps.map((s) => s.from + s.to).join(" ");

describe("how a message spreads", () => {
  test("guessed: along the tree, not over the short cut", () => {
    const s = alongTree("a", neighbours);
    expect([way(s.steps), s.steps.map((x) => x.hop), s.seen]).toEqual(["ab bc cd", [1, 2, 3], false]);
  });

  test("guessed: over other links where the tree does not lead", () => {
    const broken: Neighbours = (id) => neighbours(id).map((n) => ({ ...n, tree: n.tree && !(id + n.id === "bc" || id + n.id === "cb") }));
    expect(way(alongTree("a", broken).steps)).toBe("ab ad bc");
  });

  test("seen: as the nodes told, in order of hops", () => {
    const s = fromDeliveries("a", [{ id: "m", node: "c", via: "b", hops: 2 }, { id: "m", node: "a", hops: 0 }, { id: "m", node: "b", via: "a", hops: 1 }]);
    expect([way(s.steps), s.seen]).toEqual(["ab bc", true]);
    expect(way(pathTo(s, "c"))).toBe("ab bc");
    expect(pathTo(s, "x")).toEqual([]);
  });

  test("nodes that contradict each other do not hang the page", () => {
    const s = fromDeliveries("a", [{ id: "m", node: "b", via: "c", hops: 1 }, { id: "m", node: "c", via: "b", hops: 1 }]);
    expect(pathTo(s, "c").length).toBeLessThanOrEqual(3);
  });

  test("one agent knows the last link; the rest is a guess that fits the hops", () => {
    const self: Neighbours = (id) => (id === "d" ? [...neighbours(id), { id: "s", tree: true }] : id === "s" ? [{ id: "d", tree: true }] : neighbours(id));
    expect(way(toOneNode("a", "d", 4, "s", self).steps)).toBe("ab bc cd ds");
    expect(way(toOneNode("a", "d", 2, "s", self).steps)).toBe("ad ds");
    expect(toOneNode("a", "d", 2, "s", self).seen).toBe(false);
    expect(toOneNode("d", "d", 1, "s", self)).toMatchObject({ seen: true, steps: [{ from: "d", to: "s", hop: 1 }] });
    expect(way(toOneNode("b", undefined, 3, "s", self).steps)).toBe("bc cd ds");
    expect(toOneNode("b", undefined, 3, "s", self).seen).toBe(false);
    expect(toOneNode("s", "", 0, "s", self)).toMatchObject({ seen: true, steps: [] });
  });
});

describe("the mock world", () => {
  const run = (seed: number, steps: number) => {
    const w = new World({ seed, nodes: 60, churn: 2 });
    for (let i = 0; i < steps; i++) w.step();
    return w;
  };

  test("the same seed gives the same world, to the byte", () => {
    const [a, b] = [run(5, 200), run(5, 200)];
    expect(JSON.stringify([a.overlay(), a.delivered, a.counters])).toBe(JSON.stringify([b.overlay(), b.delivered, b.counters]));
    expect(JSON.stringify(run(6, 200).overlay())).not.toBe(JSON.stringify(a.overlay()));
  });

  test("it delivers in causal order", () => {
    const w = run(7, 400);
    const had: Record<string, number> = {};
    for (const m of w.delivered) {
      for (const [origin, n] of countsByName(m.clock as Record<string, number>)) expect(had[origin] ?? 0).toBeGreaterThanOrEqual(origin === m.origin ? n - 1 : n);
      had[m.origin] = m.seq;
    }
    expect(w.delivered.length).toBeGreaterThan(40);
  });
});
