// The shapes of the HTTP API, as the agent's OpenAPI document states them. What the
// page does not need is left out. Incarnations are strings: they have 64 bits.

export interface Self {
  id: string;
  incarnation: string;
  addr: string;
  cluster?: string;
  order?: string;
  version?: string;
  uptime_ms: number;
  max_payload?: number; // bytes
  network: "agent" | "demo" | "sim";
}

export interface ViewPeer {
  id: string;
  incarnation: string;
  addr: string;
  age: number;
  linked: boolean;
}

export interface Link {
  id: string;
  incarnation: string;
  addr: string;
  outbound: boolean;
  tree: boolean;
  since_ms: number;
  rtt_ms?: number;
  queued_bytes: number;
}

// Clock counts messages by origin#incarnation; see lifeKey.
export type Clock = Readonly<Record<string, number>>;

export interface Message {
  id: string; // origin/incarnation/seq, with the origin escaped as in a URL
  origin: string;
  incarnation: string;
  seq: number;
  text?: string; // if the payload is UTF-8
  base64?: string; // otherwise
  clock?: Clock | null;
  hops: number;
  via?: string;
  age_ms: number;
  at: string;
  headers?: Readonly<Record<string, string>> | null;
  restored?: boolean;
}

// Delivery says that a node other than the one asked has delivered a message. Only
// a source that sees all nodes (demo, sim) can tell.
export interface Delivery {
  id: string; // of the message
  node: string;
  via?: string;
  hops: number;
}

export interface NodeEvent {
  kind: string;
  peer?: { id?: string; addr?: string };
  from?: number;
  to?: number;
  at: string;
}

export type Stats = Readonly<Record<string, number>>;

export interface Overlay {
  at: string;
  complete: boolean;
  asked: number;
  limit: number;
  nodes: readonly OverlayNode[];
  links: readonly { a: string; b: string; tree: boolean }[];
  views: readonly { from: string; to: readonly string[] }[];
}

export interface OverlayNode {
  id: string;
  addr?: string;
  self?: boolean;
  age_ms?: number; // since it described itself; absent: only named by others
}

export interface Accepted {
  id: string;
  origin: string;
  incarnation: string;
  seq: number;
}
