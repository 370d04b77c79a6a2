// Reads what the API writes into what the page works with: payloads, the names in
// clocks, and ids that JSON cannot hold as numbers.

import type { Clock, Message } from "./types";

interface WireMessage extends Omit<Message, "incarnation" | "text" | "base64"> {
  incarnation: string | number;
  payload?: string;
  payload_base64?: string;
  text?: string;
  base64?: string;
  missed?: number;
  unknown?: boolean;
}

export type Read = { message: Message } | { missed: number; unknown: boolean } | null;

export function readMessage(event: string, data: string): Read {
  const told = JSON.parse(data) as WireMessage;
  if (event === "missed" || told.missed !== undefined) return { missed: told.missed ?? 0, unknown: told.unknown ?? false };
  if (told.id === undefined || told.origin === undefined) return null; // of a later version
  const { payload, payload_base64, text, base64, incarnation, ...rest } = told;
  return { message: { ...rest, incarnation: String(incarnation), text: payload ?? text, base64: payload_base64 ?? base64 } };
}

// lifeKey is how a clock names one life of an origin: name#incarnation, with # and % in
// the name escaped; without #incarnation if that is 0.
export function lifeKey(origin: string, incarnation: string): string {
  const name = origin.replace(/[%#]/g, (c) => (c === "%" ? "%25" : "%23"));
  return incarnation === "0" ? name : `${name}#${incarnation}`;
}

export function nameOfKey(key: string): string {
  const at = key.lastIndexOf("#");
  const name = at < 0 ? key : key.slice(0, at);
  return name.includes("%") ? name.replaceAll("%23", "#").replaceAll("%25", "%") : name;
}

// countsByName adds up the lives of each origin.
export function countsByName(clock: Clock | null | undefined): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [key, n] of Object.entries(clock ?? {})) {
    const name = nameOfKey(key);
    counts.set(name, (counts.get(name) ?? 0) + n);
  }
  return counts;
}
