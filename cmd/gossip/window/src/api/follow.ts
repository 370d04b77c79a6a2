// A stream of server-sent events that is opened again whenever it ends.

import { APIError, request } from "./client";
import { SSEParser, type ServerEvent } from "./sse";

// The first pause after a stream has ended, and the longest: guesses, short enough
// that a restarted agent is seen at once.
const firstPause = 500;
const longestPause = 10_000;

export interface Following {
  path: (lastEventId: string) => string;
  signal: AbortSignal;
  onEvent: (e: ServerEvent) => void;
  onState?: (state: "open" | "lost", err?: unknown) => void;
  lastEventId?: string;
}

// follow returns when the signal is aborted, or when the server says that there is no
// such stream (404, 405, 406, 501): false then.
export async function follow(f: Following): Promise<boolean> {
  let lastEventId = f.lastEventId ?? "";
  let pause = firstPause;
  while (!f.signal.aborted) {
    let err: unknown;
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (lastEventId) headers["Last-Event-ID"] = lastEventId;
      const response = await request("GET", f.path(lastEventId), undefined, { signal: f.signal, headers });
      if (!response.headers.get("Content-Type")?.startsWith("text/event-stream") || !response.body) {
        await response.body?.cancel();
        return false;
      }
      f.onState?.("open");
      const parser = new SSEParser();
      parser.lastEventId = lastEventId;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const e of parser.push(value)) {
          f.onEvent(e);
          lastEventId = e.id;
          pause = firstPause;
        }
      }
      if (parser.retry !== undefined) pause = Math.min(parser.retry, longestPause);
    } catch (e) {
      if (f.signal.aborted) break;
      if (e instanceof APIError && [404, 405, 406, 501].includes(e.status)) return false;
      // The place that was asked for is unknown there, as after a restart without a
      // store: start over.
      if (e instanceof APIError && [400, 410, 422].includes(e.status)) lastEventId = "";
      err = e;
    }
    f.onState?.("lost", err);
    await sleep(pause * (0.75 + Math.random() / 2), f.signal);
    pause = Math.min(pause * 2, longestPause);
  }
  return true;
}

export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal?.aborted) done();
    else signal?.addEventListener("abort", done);
  });
}
