// What the counters of a node mean. The names are those of gossip.Stats, written in
// any case and with any separator; some have the prefix "protocol.".

export const key = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, "").replace(/total$/, "");
const bare = (name: string) => key(name).replace(/^protocol/, "");

// drops are the counters of what was refused, lost or given up, with the reason.
export const drops: Readonly<Record<string, string>> = {
  badpackets: "Datagrams that do not decode",
  badframes: "Connections ended for a frame that does not decode",
  unsealed: "Datagrams in the clear, where there is a keyring",
  otherkeys: "Under a key that is not in the keyring",
  forged: "Under no key, or of another cluster with the same",
  replayed: "Datagrams that had come before",
  unproven: "Requests whose sender had yet to show where it is",
  strayanswers: "Answers to nothing that was asked",
  throttled: "Requests beyond the rate that is allowed",
  slowed: "Times a link was read more slowly: too many control frames",
  stalled: "Links ended because they kept room that others waited for",
  crowded: "Named more nodes than the address book holds",
  turnedaway: "Connections closed at once: there were too many",
  barred: "Connections of peers that had misbehaved",
  keysremoved: "Links ended because their key was removed",
  unknownkinds: "Datagrams and frames of a later version",
  otherclusters: "Datagrams and connections of another cluster",
  unsigned: "Without a signature where others have one",
  badsignatures: "Signatures that are wrong or missing",
  outdated: "Descriptors whose signature is too old",
  unproved: "Claims beyond what the origin has signed",
  revoked: "Of nodes that are not on the roster",
  baddescriptors: "Descriptors with an address nobody can be at",
  senderrors: "Datagrams that the system did not take",
  slowlinks: "Connections ended because their queue was full",
  backlogdropped: "Messages that the application did not read in time",
  eventsdropped: "Events that nobody read",
  unlogged: "Warnings that were not logged: there were too many",
  conflicts: "Of another node with this ID",
  stray: "Messages that came where they were out of place",
  withheld: "Messages from before the start, where no history is wanted",
  skipped: "Messages that had left the log before a slow link got to them",
  noroom: "Messages refused for want of room",
  forgotten: "Held messages that were given up",
  gapmessages: "Messages that can no longer be had",
  early: "Messages from the future, by their epoch",
  stale: "Messages from too long ago, by their epoch",
  wantsgone: "Asked for by others, but no longer in the log",
  linkstimedout: "Links that fell silent",
  exchangestimedout: "Exchanges of views without an answer",
  unsolicited: "Exchanges that were not asked for",
  offences: "What no honest node sends",
  protocolforged: "Messages in this node's name that it did not send",
  protocolcrowded: "Requests for links that were one too many",
  banned: "Peers banned for misbehaviour",
};

export interface Drop {
  name: string;
  reason: string;
  count: number;
}

// dropsIn are the counters of drops that are not zero, the largest first.
export function dropsIn(stats: Readonly<Record<string, number>>): Drop[] {
  const out: Drop[] = [];
  for (const [name, n] of Object.entries(stats)) {
    const reason = drops[key(name)] ?? drops[bare(name)];
    if (reason && n > 0) out.push({ name, reason, count: n });
  }
  return out.sort((a, b) => b.count - a.count);
}

// nameOf finds how this server writes the name of a counter.
export function nameOf(stats: Readonly<Record<string, number>>, wanted: string): string | undefined {
  return Object.keys(stats).find((name) => bare(name) === wanted);
}
