// The HTTP API of an agent, told of a mock world.

import { createServer } from "node:http";
import { World, stepTime } from "./world.mjs";

// startMock returns the running server: its address, its world, and cut and restore to
// lose the connection. `steps` are taken before it starts, `speed` 0 stops the world.
/**
 * @param {{ port?: number, steps?: number, speed?: number, token?: string, deliveries?: boolean, order?: string,
 *   seed?: number, nodes?: number, rate?: number, churn?: number, network?: string, view?: number, degree?: number }} options
 */
export async function startMock({ port = 0, steps = 300, speed = 1, token = "", deliveries = true, order = "causal", ...options } = {}) {
  const world = new World({ epoch: Date.now() - steps * stepTime, ...options });
  for (let i = 0; i < steps; i++) world.step();
  const keys = new Map(); // idempotency keys
  const open = new Set();
  let timer;

  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://mock");
    if (token && request.headers.authorization !== `Bearer ${token}`) return problem(response, 401, "Unauthorized", "A token is needed.");
    const path = `${request.method} ${url.pathname}`;
    const me = world.nodes.get(world.self);
    switch (path) {
      case "GET /v1/self":
        return json(response, { id: me.id, incarnation: String(me.incarnation), addr: me.addr, cluster: "mock", order, version: "0.0.0-mock", uptime_ms: world.now, max_payload: 65_536, network: world.network });
      case "GET /v1/view":
        return json(response, { peers: me.view.filter((id) => world.nodes.has(id)).map((id, i) => ({ id, incarnation: String(world.nodes.get(id).incarnation), addr: world.nodes.get(id).addr, age: i, linked: me.links.has(id) })) });
      case "GET /v1/links":
        return json(response, {
          links: [...me.links].map(([id, l]) => ({ id, incarnation: String(world.nodes.get(id).incarnation), addr: world.nodes.get(id).addr, outbound: l.by === me.id, tree: l.tree, since_ms: world.now - l.since, rtt_ms: l.delay / 100, queued_bytes: 0 })),
        });
      case "GET /v1/clock":
        return json(response, { clock: me.clock });
      case "GET /v1/stats":
        return json(response, { ...world.counters, view: me.view.length, links: me.links.size, log_bytes: 180_000 + world.delivered.length * 300, memory_held: 2_400_000 + world.delivered.length * 900 });
      case "POST /v1/messages":
        return post(request, response);
      case "GET /v1/messages":
        return messages(request, response, url);
      case "GET /v1/events":
        return stream(response, "event");
      case "GET /v1/deliveries":
        if (world.network === "agent" || !deliveries) break;
        return stream(response, "delivery");
      case "GET /v1/overlay":
        if (!/event-stream/.test(request.headers.accept ?? "")) return json(response, world.overlay());
        return stream(response, "overlay", (write) => write(undefined), () => world.overlay());
    }
    problem(response, 404, "Not Found", `There is no ${url.pathname}.`);
  });

  function post(request, response) {
    const parts = [];
    let size = 0;
    request.on("data", (part) => {
      size += part.length;
      if (size <= 65_536) parts.push(part);
    });
    request.on("end", () => {
      if (size > 65_536) return problem(response, 413, "Content Too Large", "A message has 65536 bytes at most.");
      const key = request.headers["idempotency-key"];
      let answer = key && keys.get(key);
      if (!answer) {
        const type = request.headers["content-type"];
        const m = world.broadcast(world.self, Buffer.concat(parts).toString("utf8"), type ? { "content-type": type } : null);
        answer = { id: m.id, origin: m.origin, incarnation: String(m.incarnation), seq: m.seq };
        if (key) keys.set(key, answer);
      }
      json(response, answer, 201);
    });
  }

  function messages(request, response, url) {
    const after = request.headers["last-event-id"] ?? url.searchParams.get("after") ?? "";
    const at = world.delivered.findIndex((m) => m.id === after);
    const begin = after ? at + 1 : world.delivered.length - Number(url.searchParams.get("latest") ?? 0);
    stream(response, "message", (write) => {
      if (after && at < 0) response.write('event: missed\ndata: {"missed":0,"unknown":true}\n\n');
      world.delivered.slice(Math.max(0, begin)).forEach(write);
    });
  }

  function stream(response, kind, first = () => {}, make = (v) => v) {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(": hello\n\n");
    const write = (value) => {
      const told = make(value);
      response.write(`${kind === "message" ? `id: ${told.id}\n` : ""}data: ${JSON.stringify(told)}\n\n`);
    };
    first(write);
    world.listeners[kind].add(write);
    response.on("close", () => world.listeners[kind].delete(write));
  }

  server.on("connection", (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  const listen = (at) => new Promise((resolve, reject) => server.once("error", reject).listen(at, "127.0.0.1", resolve));
  await listen(port);
  const bound = server.address().port;
  const run = () => {
    if (speed > 0) timer = setInterval(() => world.step(), stepTime / speed);
  };
  const shut = () =>
    new Promise((resolve) => {
      server.close(resolve);
      for (const socket of open) socket.destroy();
    });
  run();
  return {
    url: `http://127.0.0.1:${bound}`,
    world,
    cut: shut,
    restore: () => listen(bound),
    stop: async () => {
      clearInterval(timer);
      if (server.listening) await shut();
    },
  };
}

function json(response, value, status = 200) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(value));
}

function problem(response, status, title, detail) {
  response.writeHead(status, { "Content-Type": "application/problem+json" });
  response.end(JSON.stringify({ type: "about:blank", status, title, detail }));
}
