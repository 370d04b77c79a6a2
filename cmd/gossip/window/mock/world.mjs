// A world for the window to look at: nodes with links, views and a tree, messages that
// spread hop by hop and are delivered in causal order, churn. It imitates what an agent
// tells, not the protocol. Deterministic: a seed and a number of steps give the same.

import { generator } from "./random.mjs";

export const stepTime = 100; // ms of the world

const cities = (
  "athens berlin cairo dakar essen florence geneva hanoi ibadan jakarta kyoto lagos madrid nairobi oslo paris quito " +
  "rome seoul tunis utrecht vienna warsaw xian york zagreb accra bergen chennai delhi fez ghent helsinki izmir jaipur " +
  "kochi lima minsk naples osaka prague riga sofia tartu ulm verona wuhan yerevan zurich"
).split(" ");

const texts = [
  "cache: drop user/{n}", "flag dark-mode on for {n} %", "deploy web {n} done", "price of item {n} changed", "leader moved to rack {n}",
  "build {n} is green", "queue {n} drained", "certificate {n} renewed", "session {n} ended", '{"kind":"index","shard":{n}}',
];

const wordsOfMessage = (rng) => rng.pick(texts).replaceAll("{n}", String(1 + rng.below(99)));

export class World {
  constructor({ seed = 1, nodes = 32, rate = 2, churn = 0.1, network = "agent", view = 12, degree = 5, epoch = Date.UTC(2026, 0, 1) } = {}) {
    Object.assign(this, { seed, rate, churn, network, viewSize: Math.min(view, nodes - 1), degree });
    this.rng = generator(seed);
    this.now = 0; // ms
    this.epoch = epoch;
    this.nodes = new Map();
    this.born = 0;
    this.messages = []; // that are under way or were lately
    this.delivered = []; // by this node, oldest first
    this.listeners = { message: new Set(), delivery: new Set(), event: new Set(), overlay: new Set() };
    this.counters = {
      "protocol.delivered": 0, "protocol.duplicates": 0, "protocol.exchanges": 0, "protocol.exchanges_timed_out": 0, "protocol.links_timed_out": 0,
      packets_sent: 0, packets_received: 0, link_bytes_sent: 0, link_bytes_received: 0, throttled: 0, replayed: 0, bad_packets: 0, unproven: 0,
    };
    for (let i = 0; i < nodes; i++) this.add();
    this.self = this.nodes.keys().next().value;
    const ids = [...this.nodes.keys()];
    for (const id of ids) this.join(id, ids);
    this.regrow();
    this.speakers = [this.self, ...ids.slice(1).filter((_, i) => i % Math.max(1, Math.floor(nodes / 7)) === 2)].slice(0, 7);
    this.due = 0;
  }

  add() {
    const i = this.born++;
    const many = this.nodes.size > cities.length - 4 || i >= cities.length;
    const id = many ? `n${String(i).padStart(4, "0")}` : cities[i];
    const node = { id, incarnation: 1764150000 + i, addr: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}:7946`, links: new Map(), view: [], clock: {}, heads: [], seq: 0, told: 0 };
    this.nodes.set(id, node);
    return node;
  }

  join(id, among) {
    const node = this.nodes.get(id);
    let tries = 0;
    while (node.links.size < Math.min(this.degree, this.nodes.size - 1) && tries++ < 40) {
      const other = this.nodes.get(this.rng.pick(among));
      if (!other || other === node || other.links.size > this.degree + 1) continue;
      this.link(node, other);
    }
    while (node.view.length < this.viewSize && tries++ < 400) {
      const other = this.rng.pick(among);
      if (other !== id && this.nodes.has(other) && !node.view.includes(other)) node.view.push(other);
    }
  }

  link(a, b) {
    if (a === b || a.links.has(b.id)) return;
    const l = { since: this.now, delay: 40 + this.rng.below(170), tree: false, by: a.id };
    a.links.set(b.id, l);
    b.links.set(a.id, l);
    if (a.id === this.self || b.id === this.self) this.tell("link up", a.id === this.self ? b : a);
  }

  unlink(a, b) {
    a.links.delete(b.id);
    b.links.delete(a.id);
    if (a.id === this.self || b.id === this.self) this.tell("link down", a.id === this.self ? b : a);
  }

  tell(kind, peer, from, to) {
    this.emit("event", { kind, peer: { id: peer.id, addr: peer.addr }, from, to, at: this.time() });
  }

  // regrow makes a spanning tree of all links, by breadth, and joins parts that fell apart.
  regrow() {
    for (const n of this.nodes.values()) for (const l of n.links.values()) l.tree = false;
    const seen = new Set();
    let last;
    for (const start of this.nodes.keys()) {
      if (seen.has(start)) continue;
      if (last) {
        this.link(this.nodes.get(start), last);
        this.nodes.get(start).links.get(last.id).tree = true;
      }
      const todo = [start];
      seen.add(start);
      while (todo.length > 0) {
        const at = this.nodes.get(todo.shift());
        for (const [id, l] of at.links) {
          if (seen.has(id)) continue;
          seen.add(id);
          l.tree = true;
          todo.push(id);
        }
      }
      last = this.nodes.get(start);
    }
  }

  step() {
    this.now += stepTime;
    const { rng } = this;
    const ids = [...this.nodes.keys()];
    // Exchanges of views.
    const exchanges = Math.max(1, Math.floor(ids.length / 60));
    for (let i = 0; i < exchanges; i++) {
      const a = this.nodes.get(rng.pick(ids));
      const b = this.nodes.get(rng.pick(a.view));
      this.counters["protocol.exchanges"]++;
      if (!b) {
        this.counters["protocol.exchanges_timed_out"]++;
        a.view = a.view.filter((id) => this.nodes.has(id));
        continue;
      }
      const [x, y] = [rng.below(a.view.length), rng.below(b.view.length)];
      const [toB, toA] = [a.view[x], b.view[y]];
      if (toA !== a.id && !a.view.includes(toA)) a.view[x] = toA;
      if (toB !== b.id && !b.view.includes(toB)) b.view[y] = toB;
    }
    if (rng.next() < (this.churn * stepTime) / 1000) this.turnOver(ids);
    this.due += (this.rate * stepTime) / 1000;
    while (this.due >= 1) {
      this.due -= 0.4 + 1.2 * rng.next();
      this.broadcast(rng.pick(this.speakers), wordsOfMessage(rng));
    }
    this.deliver();
    const c = this.counters;
    c.packets_sent += 3 + rng.below(4);
    c.packets_received += 3 + rng.below(4);
    c.link_bytes_sent += 900 + rng.below(700);
    c.link_bytes_received += 800 + rng.below(700);
    if (rng.next() < 0.08) c.throttled++;
    if (rng.next() < 0.01) c.replayed++;
    if (rng.next() < 0.02) c.unproven++;
    if (this.now % 1000 === 0) this.emit("overlay", undefined);
  }

  turnOver(ids) {
    const leaving = this.rng.pick(ids);
    if (leaving === this.self || this.speakers.includes(leaving)) return;
    const old = this.nodes.get(leaving);
    if (old.links.has(this.self)) this.counters["protocol.links_timed_out"]++;
    this.nodes.delete(leaving);
    for (const id of [...old.links.keys()]) {
      const other = this.nodes.get(id);
      this.unlink(old, other);
      this.join(id, ids);
    }
    const fresh = this.add();
    this.join(fresh.id, [...this.nodes.keys()]);
    // Somebody hears of it.
    for (let i = 0; i < 4; i++) {
      const other = this.nodes.get(this.rng.pick(ids));
      if (other && other !== fresh) other.view[this.rng.below(other.view.length)] = fresh.id;
    }
    this.regrow();
  }

  broadcast(id, text, headers = null) {
    const origin = this.nodes.get(id);
    origin.seq++;
    const life = `${id}#${origin.incarnation}`;
    origin.clock = { ...origin.clock, [life]: origin.seq };
    const m = { id: `${id}/${origin.incarnation}/${origin.seq}`, life, origin: id, incarnation: origin.incarnation, seq: origin.seq, payload: text, headers, clock: origin.clock, sent: this.now, reached: new Map(), open: new Set() };
    // Along the tree; nowhere before what it depends on.
    const dependencies = origin.heads;
    const todo = [[id, this.now, 0, ""]];
    while (todo.length > 0) {
      const [at, time, hops, via] = todo.shift();
      if (m.reached.has(at)) continue;
      let when = time;
      for (const d of dependencies) when = Math.max(when, d.reached.get(at)?.when ?? 0);
      m.reached.set(at, { when, hops, via });
      m.open.add(at);
      for (const [next, l] of this.nodes.get(at).links) if (l.tree && !m.reached.has(next)) todo.push([next, time + l.delay, hops + 1, at]);
    }
    origin.heads = [m];
    m.open.delete(id);
    this.messages.push(m);
    if (this.messages.length > 300) this.messages.shift();
    this.deliverAt(m, id);
    return m;
  }

  deliver() {
    for (const m of this.messages) {
      for (const at of m.open) {
        if (m.reached.get(at).when > this.now) continue;
        m.open.delete(at);
        const node = this.nodes.get(at);
        if (!node) continue;
        if (this.speakers.includes(at)) {
          for (const [k, v] of Object.entries(m.clock)) if (!(node.clock[k] >= v)) node.clock = { ...node.clock, [k]: v };
          node.heads = [...node.heads.filter((h) => !(m.clock[h.life] >= h.seq)), m];
        }
        this.deliverAt(m, at);
      }
    }
  }

  deliverAt(m, at) {
    const { hops, via } = m.reached.get(at);
    this.emit("delivery", { id: m.id, node: at, via, hops });
    if (at !== this.self) return;
    this.counters["protocol.delivered"]++;
    if (this.rng.next() < 0.1) this.counters["protocol.duplicates"]++;
    const told = { id: m.id, origin: m.origin, incarnation: String(m.incarnation), seq: m.seq, payload: m.payload, clock: m.clock, hops, via, age_ms: Math.round(m.reached.get(at).when - m.sent), at: this.time(), headers: m.headers, restored: false };
    this.delivered.push(told);
    if (this.delivered.length > 600) this.delivered.shift();
    this.emit("message", told);
  }

  time() {
    return new Date(this.epoch + this.now).toISOString();
  }

  emit(kind, value) {
    for (const f of this.listeners[kind]) f(value);
  }

  // overlay: all of it, or what one agent finds out by asking its neighbours' neighbours.
  overlay(limit = 48) {
    const all = this.network !== "agent";
    const asked = new Set();
    const named = new Set([this.self]);
    const todo = [this.self];
    while (todo.length > 0 && (all || asked.size < limit)) {
      const id = todo.shift();
      if (asked.has(id)) continue;
      asked.add(id);
      const n = this.nodes.get(id);
      for (const other of [...n.links.keys(), ...n.view.filter((v) => this.nodes.has(v))]) {
        named.add(other);
        todo.push(other);
      }
    }
    if (all) for (const id of this.nodes.keys()) asked.add(id), named.add(id);
    const nodes = [...named].map((id, i) => {
      const n = this.nodes.get(id);
      const node = { id, addr: n.addr };
      if (id === this.self) node.self = true;
      if (asked.has(id)) node.age_ms = id === this.self ? 0 : all ? 400 : Math.min(this.now, 500 + ((i * i * 137) % 90_000) * (i % 3 === 0 ? 1 : 0.1));
      return node;
    });
    const links = [];
    const views = [];
    for (const id of asked) {
      const n = this.nodes.get(id);
      for (const [other, l] of n.links) if (named.has(other) && (id < other || !asked.has(other))) links.push({ a: id, b: other, tree: l.tree });
      views.push({ from: id, to: n.view.filter((v) => named.has(v)) });
    }
    return { at: this.time(), complete: all, asked: asked.size, limit: all ? this.nodes.size : limit, nodes, links, views };
  }
}
