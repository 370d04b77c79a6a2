import { describe, expect, test } from "vitest";
import { SSEParser, type ServerEvent } from "../../src/api/sse";

const parse = (...pieces: string[]): ServerEvent[] => {
  const p = new SSEParser();
  return pieces.flatMap((piece) => p.push(piece));
};
const data = (...pieces: string[]) => parse(...pieces).map((e) => e.data);

describe("server-sent events", () => {
  test.each([
    ["one", "data: a\n\n", ["a"]],
    ["no space after the colon", "data:a\n\n", ["a"]],
    ["only one space is taken", "data:  a\n\n", [" a"]],
    ["several lines of data are one event", "data: a\ndata: b\n\n", ["a\nb"]],
    ["an empty line of data counts", "data\n\n", [""]],
    ["comments keep the connection awake, and say nothing", ": hello\n\ndata: a\n\n:\n\n", ["a"]],
    ["an event without data is none", "event: x\n\n", []],
    ["one that was not ended is none", "data: a\n", []],
    ["fields that nobody knows are skipped", "color: red\ndata: a\n\n", ["a"]],
    ["a byte order mark is skipped", "\ufeffdata: a\n\n", ["a"]],
    ["lines end with CR", "data: a\r\rdata: b\r\r", ["a", "b"]],
    ["lines end with CR LF", "data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]],
  ])("%s", (_, text, want) => {
    expect(data(text)).toEqual(want);
  });

  test("it does not matter where the pieces are cut", () => {
    const text = "\ufeffid: 1\r\nevent: e\r\ndata: äöü\r\ndata: b\r\n\r\n: c\r\ndata: 2\n\nid: 3\rdata: x\r\r";
    const want = parse(text);
    expect(want.length).toBe(3);
    for (let a = 0; a <= text.length; a++) for (let b = a; b <= text.length; b++) expect(parse(text.slice(0, a), text.slice(a, b), text.slice(b))).toEqual(want);
  });

  test("the name of an event holds for that event, its id until there is another", () => {
    const got = parse("event: gap\nid: a/1/1\ndata: 1\n\ndata: 2\n\nid: a/1/2\ndata: 3\n\n");
    expect(got).toEqual([
      { event: "gap", id: "a/1/1", data: "1" },
      { event: "message", id: "a/1/1", data: "2" },
      { event: "message", id: "a/1/2", data: "3" },
    ]);
  });

  test("an id with a NUL is no id, and retry wants digits", () => {
    const p = new SSEParser();
    p.push("id: a\nid: b\0c\nretry: 1500\nretry: soon\n\n");
    expect([p.lastEventId, p.retry]).toEqual(["a", 1500]);
  });

  test("a server that never ends an event does not fill the memory", () => {
    const p = new SSEParser();
    const piece = "data: " + "x".repeat(1 << 20) + "\n";
    expect(() => {
      for (let i = 0; i < 40; i++) p.push(piece);
    }).toThrow("too long");
  });
});
