// What the reader has chosen. Nothing here comes from the agent.

import { computed, effect, signal } from "@preact/signals";

export const pages = [
  { name: "overlay", title: "Overlay" },
  { name: "messages", title: "Messages" },
  { name: "causality", title: "Causality" },
  { name: "clocks", title: "Clocks" },
  { name: "health", title: "Health" },
] as const;
export type PageName = (typeof pages)[number]["name"];

function pageInHash(): PageName {
  const name = /^#\/(\w+)/.exec(location.hash)?.[1];
  return pages.find((p) => p.name === name)?.name ?? "overlay";
}

export const page = signal<PageName>(pageInHash());
addEventListener("hashchange", () => (page.value = pageInHash()));
export function goTo(name: PageName): void {
  location.hash = `#/${name}`;
  page.value = name;
}

export const visible = signal(document.visibilityState === "visible");
document.addEventListener("visibilitychange", () => (visible.value = document.visibilityState === "visible"));

export const chosenNode = signal<string | null>(null);
export const chosenMessage = signal<string | null>(null);
export const asTable = signal(false); // the overlay
export const dialog = signal<"send" | "help" | "token" | null>(null);

// playing: messages are shown on the graph as they come.
export const playing = stored("gossip-playing", true);
// singleKeys: shortcuts of one key work. WCAG 2.1.4 asks that they can be switched off.
export const singleKeys = stored("gossip-keys", true);

export type Theme = "system" | "light" | "dark";
export const theme = stored<Theme>("gossip-theme", "system");

const prefersDark = media("(prefers-color-scheme: dark)");
export const dark = computed(() => (theme.value === "system" ? prefersDark.value : theme.value === "dark"));
effect(() => {
  document.documentElement.dataset.theme = dark.value ? "dark" : "light";
});
export function nextTheme(): void {
  theme.value = theme.value === "system" ? (dark.value ? "light" : "dark") : theme.value === "dark" ? "light" : "dark";
}

export const lessMotion = media("(prefers-reduced-motion: reduce)");
export const narrow = media("(max-width: 760px)");

// said is read out by screen readers.
export const said = signal("");
export function say(text: string): void {
  said.value = text;
}

function media(query: string) {
  const list = matchMedia(query);
  const s = signal(list.matches);
  list.addEventListener("change", () => (s.value = list.matches));
  return s;
}

function stored<T>(key: string, initial: T) {
  let value = initial;
  try {
    const text = localStorage.getItem(key);
    if (text !== null) {
      const read = JSON.parse(text) as T;
      if (typeof read === typeof initial) value = read;
    }
  } catch {
    // storage is forbidden here, or was written by something else
  }
  const s = signal<T>(value);
  s.subscribe((v) => {
    try {
      localStorage.setItem(key, JSON.stringify(v));
    } catch {
      // as above
    }
  });
  return s;
}
