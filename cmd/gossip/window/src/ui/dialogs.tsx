import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { APIError, request, setToken } from "../api/client";
import type { Accepted } from "../api/types";
import { bytes } from "../logic/format";
import { restart } from "../state/feeds";
import { dialog, say, singleKeys, theme, type Theme } from "../state/ui";
import { shortcuts } from "./keys";

// Dialog is a modal one: the browser keeps the focus inside, and we give it back.
function Dialog(p: { title: string; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    box.current!.showModal();
    return () => before?.focus?.();
  }, []);
  const close = () => (dialog.value = null);
  const onKey = (e: KeyboardEvent) => {
    if (e.key !== "Escape") return;
    e.preventDefault(); // the browser would close it later, and keys typed meanwhile be lost
    close();
  };
  return (
    <dialog ref={box} aria-labelledby={id} onClose={close} onKeyDown={onKey} onClick={(e) => e.target === box.current && close()}>
      <div class="inside">
        <header>
          <h2 id={id}>{p.title}</h2>
          <button type="button" class="icon" aria-label="Close" onClick={close}>
            ×
          </button>
        </header>
        {p.children}
      </div>
    </dialog>
  );
}

export function SendDialog() {
  const [text, setText] = useState("");
  const [type, setType] = useState("text/plain; charset=utf-8");
  const [state, setState] = useState<{ busy?: boolean; sent?: string; failed?: string }>({});
  // The same key for each try, so that a message that was accepted although the answer
  // was lost is not sent twice.
  const key = useRef(crypto.getRandomValues(new Uint32Array(4)).join("-"));
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => area.current?.focus(), []);
  const size = new TextEncoder().encode(text).length;
  const send = async (e: Event) => {
    e.preventDefault();
    if (size === 0 || state.busy) return;
    setState({ busy: true });
    try {
      const response = await request("POST", "v1/messages", text, { headers: { "Content-Type": type, "Idempotency-Key": key.current }, timeout: 20_000 });
      const { id } = (await response.json()) as Accepted;
      key.current = crypto.getRandomValues(new Uint32Array(4)).join("-");
      setText("");
      setState({ sent: id });
      say(`Sent as ${id}`);
    } catch (err) {
      setState({ failed: err instanceof APIError ? err.message : "The agent does not answer. Sending again is safe: it takes the message once." });
    }
    area.current?.focus();
  };
  return (
    <Dialog title="New message">
      <form onSubmit={send}>
        <label for="send-text">Text, to all nodes</label>
        <textarea
          id="send-text"
          ref={area}
          rows={4}
          value={text}
          onInput={(e) => setText(e.currentTarget.value)}
          onKeyDown={(e) => (e.ctrlKey || e.metaKey) && e.key === "Enter" && void send(e)}
        />
        <div class="row">
          <label for="send-type">Kind</label>
          <select id="send-type" value={type} onChange={(e) => setType(e.currentTarget.value)}>
            <option value="text/plain; charset=utf-8">Text</option>
            <option value="application/json">JSON</option>
          </select>
          <span class="quiet grow">{bytes(size)}</span>
          <button type="submit" class="primary" aria-disabled={size === 0 || state.busy}>
            {state.busy ? "Sending…" : "Send"}
          </button>
        </div>
        <p class={state.failed ? "failed" : "quiet"} role="status">
          {state.sent && (
            <>
              Sent as <code>{state.sent}</code>
            </>
          )}
          {state.failed}
        </p>
      </form>
    </Dialog>
  );
}

export function HelpDialog() {
  return (
    <Dialog title="Help and shortcuts">
      <table class="shortcuts">
        <caption class="unseen">Shortcuts</caption>
        <tbody>
          {shortcuts.map(([key, what]) => (
            <tr key={key}>
              <th scope="row">
                <kbd>{key}</kbd>
              </th>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <label class="check">
        <input type="checkbox" checked={singleKeys.value} onChange={(e) => (singleKeys.value = e.currentTarget.checked)} /> Shortcuts of a single key
      </label>
      <div class="row">
        <label for="theme">Colours</label>
        <select id="theme" value={theme.value} onChange={(e) => (theme.value = e.currentTarget.value as Theme)}>
          <option value="system">As the system</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
        <a class="grow licences" href="./licenses.txt" target="_blank" rel="noreferrer">
          Licences of the libraries
        </a>
      </div>
    </Dialog>
  );
}

export function TokenDialog() {
  const [token, set] = useState("");
  const submit = (e: Event) => {
    e.preventDefault();
    if (token.trim() === "") return;
    setToken(token.trim());
    dialog.value = null;
    restart();
  };
  return (
    <Dialog title="Token">
      <form onSubmit={submit}>
        <p>This agent answers only with a token. It stays in this tab, until the tab is closed.</p>
        <label for="token">Token</label>
        <input id="token" type="password" autocomplete="off" value={token} onInput={(e) => set(e.currentTarget.value)} />
        <div class="row end">
          <button type="submit" class="primary">
            Use it
          </button>
        </div>
      </form>
    </Dialog>
  );
}
