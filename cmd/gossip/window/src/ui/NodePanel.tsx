import { bytes, duration, payload, plural } from "../logic/format";
import { messages } from "../state/messages";
import { links, network } from "../state/overlay";
import { self } from "../state/session";
import { chosenMessage, chosenNode } from "../state/ui";
import { Card, Empty, Field, NodeName } from "./parts";

export function NodePanel(p: { id: string }) {
  const n = network.value;
  const i = n.index.get(p.id);
  const me = self.value;
  const isSelf = me?.id === p.id;
  const link = links.value.find((l) => l.id === p.id);
  const said = messages.value.filter((m) => m.origin === p.id);
  const node = i === undefined ? undefined : n.nodes[i];
  const adjacent = i === undefined ? [] : [...n.adjacent[i]].sort((a, b) => Number(b.tree) - Number(a.tree));
  const view = i === undefined ? [] : (n.viewOf.get(i) ?? []);
  return (
    <>
      <section class="card node" aria-label="The node">
        <header>
          <h2 title={p.id}>{p.id}</h2>
          <button type="button" class="icon" aria-label="Choose no node" onClick={() => (chosenNode.value = null)}>
            ×
          </button>
        </header>
        {!node && <Empty>Not in the overlay as it is known now.</Empty>}
        <dl class="fields">
          {node?.addr && <Field name="Address"><code>{node.addr}</code></Field>}
          {isSelf && me && (
            <>
              <Field name="What">the node that you look from</Field>
              {me.version && <Field name="Version">{me.version}</Field>}
              {me.order && <Field name="Order">{me.order.toLowerCase()}</Field>}
              <Field name="Up for">{duration(me.uptime_ms)}</Field>
            </>
          )}
          {node && !isSelf && <Field name="Heard from">{node.age_ms === undefined ? "never, only named by others" : `${duration(node.age_ms)} ago`}</Field>}
          {i !== undefined && <Field name="In-degree">{plural(n.inDegree[i], "view")}</Field>}
          {link && (
            <>
              <Field name="Our link">
                {link.tree ? "in the tree" : "announces"}, {link.outbound ? "ours" : "theirs"}, for {duration(link.since_ms)}
              </Field>
              {!!link.rtt_ms && <Field name="Round trip">{duration(link.rtt_ms)}</Field>}
              <Field name="Queued">{bytes(link.queued_bytes)}</Field>
            </>
          )}
        </dl>
      </section>
      <Card title="Links" note={`${adjacent.length}`}>
        {adjacent.length === 0 ? (
          <Empty>None known.</Empty>
        ) : (
          <ul class="names">
            {adjacent.map((a) => (
              <li key={n.nodes[a.node].id}>
                <NodeName id={n.nodes[a.node].id} plain />
                {a.tree && <span class="tag">tree</span>}
              </li>
            ))}
          </ul>
        )}
      </Card>
      <Card title="View" note={view.length > 0 ? `${view.length}` : undefined}>
        {view.length === 0 ? (
          <Empty>It has not told its view.</Empty>
        ) : (
          <ul class="names">
            {view.map((to) => (
              <li key={n.nodes[to].id}>
                <NodeName id={n.nodes[to].id} plain />
              </li>
            ))}
          </ul>
        )}
      </Card>
      {said.length > 0 && (
        <Card title="Its latest messages" note={`${said.length} here`}>
          <ol class="latest">
            {said
              .slice(-4)
              .reverse()
              .map((m) => (
                <li key={m.id}>
                  <button type="button" onClick={() => (chosenMessage.value = m.id)}>
                    <b>{m.seq}</b> <span class="text">{payload(m).text}</span>
                  </button>
                </li>
              ))}
          </ol>
        </Card>
      )}
    </>
  );
}
