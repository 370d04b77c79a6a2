// How a message spread, from what is known of it.

import type { Message } from "../api/types";
import { alongTree, fromDeliveries, toOneNode, type Neighbours, type Spread } from "../logic/spread";
import { deliveriesOf, seesAll } from "./messages";
import { network } from "./overlay";
import { self } from "./session";

const neighbours: Neighbours = (id) => {
  const n = network.value;
  const i = n.index.get(id);
  return i === undefined ? [] : n.adjacent[i].map((a) => ({ id: n.nodes[a.node].id, tree: a.tree }));
};

export function spreadOf(m: Message): Spread {
  const told = deliveriesOf(m.id);
  if (seesAll.value && told && told.size > 0) return fromDeliveries(m.origin, told.values());
  const me = self.value;
  if (me && me.network !== "agent") return alongTree(m.origin, neighbours);
  return toOneNode(m.origin, m.via, m.hops, me?.id ?? "", neighbours);
}
