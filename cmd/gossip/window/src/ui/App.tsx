import { useEffect, useRef } from "preact/hooks";
import { restart } from "../state/feeds";
import { checkNow, connection, lostSince, lostWhy, self } from "../state/session";
import { dialog, goTo, page, pages, said } from "../state/ui";
import { CausalityPage } from "./CausalityPage";
import { ClocksPage } from "./ClocksPage";
import { HelpDialog, SendDialog, TokenDialog } from "./dialogs";
import { Header } from "./Header";
import { HealthPage } from "./HealthPage";
import { useShortcuts } from "./keys";
import { MessagesPage } from "./MessagesPage";
import { OverlayPage } from "./OverlayPage";
import { useNow } from "./parts";

const content = { overlay: OverlayPage, messages: MessagesPage, causality: CausalityPage, clocks: ClocksPage, health: HealthPage };

export function App() {
  useShortcuts();
  const Page = content[page.value];
  const title = pages.find((p) => p.name === page.value)!.title;
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    document.title = `${title} · ${self.value?.id ?? "gossip"}`;
  }, [title, self.value?.id]);
  useEffect(() => main.current?.scrollTo(0, 0), [page.value]);
  useEffect(() => {
    if (connection.value === "denied") dialog.value = "token";
  }, [connection.value]);
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => (e.preventDefault(), main.current?.focus())}>
        Skip to content
      </a>
      <Header />
      <Lost />
      <main id="main" ref={main} tabIndex={-1} class={`page page-${page.value}`} aria-label={title}>
        <Page />
      </main>
      <nav class="bottom" aria-label="Pages">
        <PageLinks />
      </nav>
      <div class="unseen" role="status" aria-live="polite">
        {said.value}
      </div>
      {dialog.value === "send" && <SendDialog />}
      {dialog.value === "help" && <HelpDialog />}
      {dialog.value === "token" && <TokenDialog />}
    </>
  );
}

export function PageLinks() {
  return (
    <ul class="tabs">
      {pages.map((p) => (
        <li key={p.name}>
          <a href={`#/${p.name}`} aria-current={page.value === p.name ? "page" : undefined} onClick={() => goTo(p.name)}>
            {p.title}
          </a>
        </li>
      ))}
    </ul>
  );
}

function Lost() {
  const gone = connection.value === "lost" || connection.value === "denied";
  const now = useNow(gone);
  return (
    <div role="status" aria-live="polite" aria-atomic="false">
      {gone && (
        <div class="lost">
          <span>
            {connection.value === "denied" ? "The agent asks for a token. " : self.value ? "Connection lost. What you see is the last known state. " : "The agent does not answer. "}
            <span class="quiet">{lostWhy.value}</span>
          </span>
          <span aria-hidden="true" class="quiet">
            {Math.max(0, Math.round((now - lostSince.value) / 1000))} s
          </span>
          <button type="button" onClick={() => (connection.value === "denied" ? (dialog.value = "token") : (checkNow(), restart()))}>
            {connection.value === "denied" ? "Enter token" : "Try now"}
          </button>
        </div>
      )}
    </div>
  );
}
