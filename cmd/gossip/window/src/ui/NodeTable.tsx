import { useMemo, useState } from "preact/hooks";
import { count, duration, plural } from "../logic/format";
import { network } from "../state/overlay";
import { chosenNode } from "../state/ui";
import { NodeName } from "./parts";

const perPage = 50;

interface Row {
  id: string;
  self: boolean;
  addr: string;
  inDegree: number;
  links: number;
  tree: number;
  view: number;
  age: number; // Infinity: never heard from
}

const columns: { name: keyof Row; title: string; number?: boolean; less?: boolean }[] = [
  { name: "id", title: "Node" },
  { name: "addr", title: "Address", less: true },
  { name: "inDegree", title: "In-degree", number: true },
  { name: "links", title: "Links", number: true },
  { name: "tree", title: "In the tree", number: true, less: true },
  { name: "view", title: "View", number: true, less: true },
  { name: "age", title: "Heard", number: true },
];

export function NodeTable() {
  const n = network.value;
  const [by, setBy] = useState<{ name: keyof Row; up: boolean }>({ name: "id", up: true });
  const [at, setAt] = useState(0);
  const rows = useMemo(() => {
    const rows: Row[] = n.nodes.map((node, i) => ({
      id: node.id,
      self: i === n.selfIndex,
      addr: node.addr ?? "",
      inDegree: n.inDegree[i],
      links: n.adjacent[i].length,
      tree: n.adjacent[i].filter((a) => a.tree).length,
      view: n.viewOf.get(i)?.length ?? 0,
      age: node.age_ms ?? Infinity,
    }));
    const names = new Intl.Collator("en", { numeric: true });
    rows.sort((a, b) => {
      const [x, y] = [a[by.name], b[by.name]];
      const order = typeof x === "number" && typeof y === "number" ? (x === y ? 0 : x < y ? -1 : 1) : names.compare(String(x), String(y));
      return (by.up ? order : -order) || names.compare(a.id, b.id);
    });
    return rows;
  }, [n, by]);
  const last = Math.max(0, Math.ceil(rows.length / perPage) - 1);
  const shown = Math.min(at, last);
  const sort = (name: keyof Row) => {
    setBy({ name, up: by.name === name ? !by.up : name === "id" || name === "addr" });
    setAt(0);
  };
  return (
    <div class="scroll tall" tabIndex={0} role="region" aria-label="Nodes">
      <table class="data">
        <caption class="unseen">The nodes of the overlay</caption>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.name} scope="col" class={`${c.number ? "num" : ""} ${c.less ? "less" : ""}`} aria-sort={by.name === c.name ? (by.up ? "ascending" : "descending") : undefined}>
                <button type="button" onClick={() => sort(c.name)}>
                  {c.title}
                  <span aria-hidden="true">{by.name === c.name ? (by.up ? " ↑" : " ↓") : ""}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(shown * perPage, (shown + 1) * perPage).map((r) => (
            <tr key={r.id} class={r.id === chosenNode.value ? "chosen" : ""}>
              <th scope="row">
                <NodeName id={r.id} plain />
                {r.self && <span class="tag">this node</span>}
              </th>
              <td class="less">
                <code>{r.addr}</code>
              </td>
              <td class="num">{count(r.inDegree)}</td>
              <td class="num">{count(r.links)}</td>
              <td class="num less">{count(r.tree)}</td>
              <td class="num less">{r.view ? count(r.view) : "–"}</td>
              <td class="num">{r.self ? "" : Number.isFinite(r.age) ? duration(r.age) : "never"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="pager">
        <button type="button" disabled={shown === 0} onClick={() => setAt(shown - 1)}>
          Before
        </button>
        <span class="quiet">
          {rows.length === 0 ? "No nodes" : `${count(shown * perPage + 1)} to ${count(Math.min(rows.length, (shown + 1) * perPage))} of ${plural(rows.length, "node")}`}
        </span>
        <button type="button" disabled={shown === last} onClick={() => setAt(shown + 1)}>
          After
        </button>
      </div>
    </div>
  );
}
