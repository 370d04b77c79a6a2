import { useRef, useState } from "preact/hooks";
import { plural } from "../logic/format";
import { messages } from "../state/messages";
import { network } from "../state/overlay";
import { connection, self } from "../state/session";
import { chosenNode, dark, dialog, goTo, nextTheme, say } from "../state/ui";
import { PageLinks } from "./App";

const what = { agent: "agent", demo: "demo", sim: "simulation" };

export function Header() {
  const me = self.value;
  return (
    <header class="top">
      <div class="who">
        <span class={`dot ${connection.value}`} aria-hidden="true" />
        <h1 title={me ? `${me.id} at ${me.addr}` : undefined}>{me?.id ?? "gossip"}</h1>
        <span class="quiet what">{me ? what[me.network] ?? me.network : ""}</span>
        <span class="unseen">{{ live: "connected", lost: "connection lost", denied: "token wanted", connecting: "connecting" }[connection.value]}</span>
      </div>
      <nav class="side" aria-label="Pages">
        <PageLinks />
      </nav>
      <div class="tools">
        <Find />
        <button type="button" class="primary" aria-label="New message" onClick={() => (dialog.value = "send")}>
          <span class="long">New message</span>
          <span class="short" aria-hidden="true">
            +
          </span>
        </button>
        <button type="button" class="icon" aria-label={dark.value ? "Use light colours" : "Use dark colours"} onClick={nextTheme}>
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <circle cx="10" cy="10" r="6.5" />
            <path d="M10 3.5a6.5 6.5 0 0 1 0 13z" class="full" />
          </svg>
        </button>
        <button type="button" class="icon" aria-label="Help and shortcuts" onClick={() => (dialog.value = "help")}>
          ?
        </button>
      </div>
    </header>
  );
}

// Find is a combobox over the names of the nodes that are known.
function Find() {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const found = text === "" ? [] : matches(text);
  const choose = (id: string) => {
    setText("");
    setAt(0);
    chosenNode.value = id;
    goTo("overlay");
    say(`${id} chosen`);
    input.current?.blur();
  };
  const onKey = (e: KeyboardEvent) => {
    if (e.key === "ArrowDown") setAt(Math.min(found.length - 1, at + 1));
    else if (e.key === "ArrowUp") setAt(Math.max(0, at - 1));
    else if (e.key === "Enter" && found[at]) choose(found[at]);
    else if (e.key === "Escape") {
      setText("");
      input.current?.blur();
    } else return;
    e.preventDefault();
  };
  return (
    <div class="find">
      <input
        id="find"
        ref={input}
        type="text"
        role="combobox"
        aria-label="Find a node"
        aria-expanded={found.length > 0}
        aria-controls="found"
        aria-autocomplete="list"
        aria-activedescendant={found.length > 0 ? `found-${at}` : undefined}
        placeholder="Find a node"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(e) => {
          setText(e.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
        onBlur={() => setText("")}
      />
      <ul id="found" role="listbox" aria-label="Nodes" hidden={text === ""}>
        {found.map((id, i) => (
          <li key={id} id={`found-${i}`} role="option" aria-selected={i === at} onPointerDown={(e) => (e.preventDefault(), choose(id))}>
            {id}
          </li>
        ))}
        {text !== "" && found.length === 0 && (
          <li role="option" aria-selected="false" aria-disabled="true" class="quiet">
            Nobody of that name among {plural(network.value.nodes.length, "node")}
          </li>
        )}
      </ul>
    </div>
  );
}

// matches are names that begin so, then those that contain it; of nodes in the overlay
// and of origins that spoke.
function matches(text: string): string[] {
  const wanted = text.toLowerCase();
  const names = new Set(network.value.nodes.map((n) => n.id));
  for (const m of messages.value) names.add(m.origin);
  const begin: string[] = [];
  const contain: string[] = [];
  for (const id of names) {
    const at = id.toLowerCase().indexOf(wanted);
    if (at === 0) begin.push(id);
    else if (at > 0) contain.push(id);
  }
  return [...begin.sort(), ...contain.sort()].slice(0, 8);
}
