import { describe, expect, test } from "vitest";
import { concurrent, diagram, happenedBefore, relations, type Stamped } from "../../src/logic/causality";
import { generator } from "../../mock/random.mjs";
import { World } from "../../mock/world.mjs";

const at = (origin: string, seq: number, clock: Record<string, number>, incarnation = "1"): Stamped => ({ id: `${origin}/${incarnation}/${seq}`, origin, incarnation, seq, clock });
const causes = (messages: Stamped[]) => Object.fromEntries(diagram(messages).events.map((e) => [e.message.id, [...e.causes].sort()]));

describe("happened before", () => {
  const a1 = at("a", 1, { a: 1 });
  const b1 = at("b", 1, { b: 1 });
  const a2 = at("a", 2, { a: 2, b: 1 });

  test("what a message's clock covers is its past", () => {
    expect(happenedBefore(a1, a2)).toBe(true);
    expect(happenedBefore(b1, a2)).toBe(true);
    expect(happenedBefore(a2, a1)).toBe(false);
    expect(happenedBefore(a1, a1)).toBe(false);
    expect(concurrent(a1, b1)).toBe(true);
    expect(concurrent(a1, a1)).toBe(false);
  });

  // The clock of a name counts all its lives: the first message of the second life is
  // its fourth after three of the first.
  test("a restarted origin's messages come after those of its last life", () => {
    const old = at("a", 3, { a: 3 }, "1");
    const fresh = at("a", 1, { a: 4 }, "2");
    const answer = at("b", 1, { a: 4, b: 1 });
    expect(happenedBefore(old, fresh)).toBe(true);
    expect(happenedBefore(fresh, old)).toBe(false);
    expect(happenedBefore(fresh, answer)).toBe(true);
    expect(happenedBefore(fresh, at("b", 1, { a: 3, b: 1 }))).toBe(false);
  });

  test("clocks may tell lives apart", () => {
    const old = at("a", 3, { "a#1": 3 }, "1");
    const fresh = at("a", 1, { "a#1": 3, "a#2": 1 }, "2");
    expect(happenedBefore(old, fresh)).toBe(true);
    expect(happenedBefore(fresh, at("b", 1, { "a#1": 3, b: 1 }))).toBe(false);
  });

  test("without clocks only messages of one life are ordered", () => {
    const [x, y, z] = [{ ...a1, clock: null }, { ...a2, clock: null }, { ...b1, clock: null }];
    expect(happenedBefore(x, y)).toBe(true);
    expect(happenedBefore(x, z)).toBe(false);
  });
});

describe("the diagram", () => {
  test("what follows from other arrows is left out", () => {
    const chain = [at("a", 1, { a: 1 }), at("b", 1, { a: 1, b: 1 }), at("c", 1, { a: 1, b: 1, c: 1 })];
    expect(causes(chain)).toEqual({ "a/1/1": [], "b/1/1": ["a/1/1"], "c/1/1": ["b/1/1"] });
  });

  test("a message that joins two concurrent ones follows both", () => {
    const d = diagram([at("a", 1, { a: 1 }), at("b", 1, { b: 1 }), at("c", 1, { a: 1, b: 1, c: 1 })]);
    expect(d.byID.get("c/1/1")!.causes.sort()).toEqual(["a/1/1", "b/1/1"]);
    expect(d.byID.get("a/1/1")!.column).toBe(d.byID.get("b/1/1")!.column); // side by side
    expect(d.byID.get("c/1/1")!.column).toBe(1);
    expect(d.lanes).toEqual(["a", "b", "c"]);
  });

  test("what has left the window does not cut the past in two", () => {
    // b 1 is not shown, but c 1 is known to come after a 1 through it.
    expect(causes([at("a", 1, { a: 1 }), at("c", 1, { a: 1, b: 1, c: 1 })])["c/1/1"]).toEqual(["a/1/1"]);
  });

  test("the order in which messages come does not matter", () => {
    const messages = [at("a", 1, { a: 1 }), at("b", 1, { a: 1, b: 1 }), at("a", 2, { a: 2, b: 1 }), at("c", 1, { c: 1 })];
    expect(causes([...messages].reverse())).toEqual(causes(messages));
  });

  test("nothing is fine", () => {
    expect(diagram([])).toMatchObject({ lanes: [], columns: 0, events: [] });
  });

  // Against the definition, on histories that a simulated network made.
  test.each([1, 2, 3, 4, 5])("it is the transitive reduction, and columns hold only concurrent ones: seed %i", (seed) => {
    const world = new World({ seed, nodes: 24, rate: 6 });
    for (let i = 0; i < 250; i++) world.step();
    const messages: Stamped[] = world.delivered.slice(-90);
    expect(messages.length).toBe(90);
    const rng = generator(seed);
    const shuffled = messages.map((m) => ({ m, at: rng.next() })).sort((a, b) => a.at - b.at).map((x) => x.m);
    const d = diagram(shuffled);
    let apart = 0;
    for (const e of d.events) {
      for (const m of messages) {
        const before = happenedBefore(m, e.message);
        const through = before && messages.some((x) => happenedBefore(m, x) && happenedBefore(x, e.message));
        expect(e.causes.includes(m.id), `${m.id} before ${e.message.id}`).toBe(before && !through);
        if (m.id !== e.message.id && d.byID.get(m.id)!.column === e.column) {
          apart++;
          expect(concurrent(m, e.message)).toBe(true);
        }
      }
    }
    expect(apart, "no history without concurrency would test this").toBeGreaterThan(0);
  });

  test("past, future and concurrent make up the whole", () => {
    const messages = [at("a", 1, { a: 1 }), at("b", 1, { b: 1 }), at("a", 2, { a: 2 }), at("b", 2, { a: 2, b: 2 })];
    const r = relations(messages[2], messages);
    expect([[...r.past], [...r.future], [...r.concurrent]]).toEqual([["a/1/1"], ["b/1/2"], ["b/1/1"]]);
  });
});
