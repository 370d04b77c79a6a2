import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { follow } from "../../src/api/follow";

// A server of streams: each request is answered by the next of these.
type Answer = (headers: Record<string, string>) => Response;
let answers: Answer[];
let asked: { path: string; lastEventId: string | undefined; at: number }[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5); // pauses without their jitter
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  asked = [];
  vi.stubGlobal("fetch", async (path: string, o: RequestInit) => {
    const headers = o.headers as Record<string, string>;
    asked.push({ path, lastEventId: headers["Last-Event-ID"], at: Date.now() });
    const next = answers.shift();
    if (!next) throw new TypeError("nobody is there");
    return next(headers);
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const stream = (text: string): Answer => () => new Response(text, { headers: { "Content-Type": "text/event-stream" } });
const refuse = (status: number): Answer => () => new Response("{}", { status });

async function run(list: Answer[], ms: number) {
  answers = list;
  const got: string[] = [];
  const states: string[] = [];
  const end = new AbortController();
  const ended = follow({ path: (after) => (after ? "/s" : "/s?latest=9"), signal: end.signal, onEvent: (e) => got.push(e.data), onState: (s) => states.push(s) });
  await vi.advanceTimersByTimeAsync(ms);
  end.abort();
  return { got, states, supported: await ended };
}

test("a stream that ends goes on where it was", async () => {
  const r = await run([stream("id: a/1/1\ndata: 1\n\nid: a/1/2\ndata: 2\n\n"), stream("id: a/1/3\ndata: 3\n\n")], 700);
  expect(r.got).toEqual(["1", "2", "3"]);
  expect(asked.map((a) => [a.path, a.lastEventId])).toEqual([["/s?latest=9", undefined], ["/s", "a/1/2"]]);
  expect(r.states).toEqual(["open", "lost", "open", "lost"]);
  expect(r.supported).toBe(true);
});

test("an event that was cut off is not one, and comes again", async () => {
  const r = await run([stream("id: a/1/1\ndata: 1\n\nid: a/1/2\nda"), stream("id: a/1/2\ndata: 2\n\n")], 700);
  expect(r.got).toEqual(["1", "2"]);
  expect(asked[1].lastEventId).toBe("a/1/1");
});

test("a place that the server does not know is not asked for again", async () => {
  await run([stream("id: a/1/1\ndata: 1\n\n"), refuse(410), stream("data: x\n\n")], 3000);
  expect(asked.slice(0, 3).map((a) => a.lastEventId)).toEqual([undefined, "a/1/1", undefined]);
});

test("pauses grow to ten seconds, and shrink once something comes", async () => {
  const dead = Array.from({ length: 8 }, () => refuse(503));
  await run([...dead, stream("data: 1\n\n"), refuse(503)], 60_000);
  const pauses = asked.slice(1).map((a, i) => a.at - asked[i].at);
  expect(pauses.slice(0, 9)).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 500]);
});

test.each([404, 405, 406, 501])("%i: there is no such stream", async (status) => {
  expect((await run([refuse(status)], 5000)).supported).toBe(false);
  expect(asked.length).toBe(1);
});

test("an answer that is no stream is not read as one", async () => {
  const r = await run([() => new Response('{"nodes":[]}', { headers: { "Content-Type": "application/json" } })], 5000);
  expect([r.supported, r.got]).toEqual([false, []]);
});
