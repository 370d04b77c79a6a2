import { describe, expect, test } from "vitest";
import { countsByName, lifeKey, nameOfKey, readMessage } from "../../src/api/read";

describe("messages as they come", () => {
  const base = { id: "a/18446744073709551615/1", origin: "a", incarnation: "18446744073709551615", seq: 1, clock: {}, hops: 0, age_ms: 0, at: "" };
  test("text, or bytes in base64", () => {
    expect(readMessage("message", JSON.stringify({ ...base, payload: "hello" }))).toMatchObject({ message: { text: "hello", incarnation: "18446744073709551615" } });
    expect(readMessage("message", JSON.stringify({ ...base, payload_base64: "AAE=" }))).toMatchObject({ message: { base64: "AAE=", text: undefined } });
    expect(readMessage("message", JSON.stringify({ ...base, incarnation: 7, text: "hello" }))).toMatchObject({ message: { text: "hello", incarnation: "7" } });
  });
  test("what is missing says how much", () => {
    expect(readMessage("missed", '{"missed":3}')).toEqual({ missed: 3, unknown: false });
    expect(readMessage("missed", '{"missed":0,"unknown":true}')).toEqual({ missed: 0, unknown: true });
  });
  test("what a later version adds is skipped", () => {
    expect(readMessage("news", '{"what":1}')).toBeNull();
  });
});

describe("the names in clocks", () => {
  // As vclock.Clock.MarshalJSON writes them.
  test.each([
    ["p1", "17", "p1#17"],
    ["p2", "0", "p2"],
    ["a#b", "3", "a%23b#3"],
    ["50%", "0", "50%25"],
    ["%23", "1", "%2523#1"],
  ])("%s, incarnation %s", (name, incarnation, key) => {
    expect(lifeKey(name, incarnation)).toBe(key);
    expect(nameOfKey(key)).toBe(name);
  });
  test("lives add up", () => {
    expect([...countsByName({ "a#1": 3, "a#2": 1, b: 2 })]).toEqual([["a", 4], ["b", 2]]);
    expect(countsByName(null).size).toBe(0);
  });
});
