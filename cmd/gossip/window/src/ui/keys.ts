import { useEffect } from "preact/hooks";
import { asTable, chosenMessage, chosenNode, dialog, goTo, nextTheme, page, pages, playing, singleKeys } from "../state/ui";

// shortcuts are listed as they are in the help.
export const shortcuts: readonly (readonly [string, string])[] = [
  ["1 – 5", "Overlay, Messages, Causality, Clocks, Health"],
  ["/", "Find a node"],
  ["n", "New message"],
  ["d", "Dark or light"],
  ["?", "This list"],
  ["Esc", "Close, or choose nothing"],
  ["t", "Overlay as a graph or as a table"],
  ["p", "Overlay: play messages, or not"],
  ["Arrows", "In the graph: to the next node that way. In the diagram: along lanes and between them"],
  ["Shift + arrows", "In the graph: move the picture"],
  ["+  −  0", "In the graph: nearer, farther, everything"],
  ["[  ]", "In the graph: through the neighbours of the node"],
  ["s", "In the graph: to this node itself"],
];

function writes(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

export function useShortcuts(): void {
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) return;
      if (e.key === "Escape" && dialog.value === null && !writes(e.target)) {
        chosenNode.value = null;
        chosenMessage.value = null;
        return;
      }
      if (!singleKeys.value || writes(e.target) || dialog.value !== null) return;
      const number = Number(e.key);
      if (number >= 1 && number <= pages.length) goTo(pages[number - 1].name);
      else if (e.key === "/") document.getElementById("find")?.focus();
      else if (e.key === "n") dialog.value = "send";
      else if (e.key === "d") nextTheme();
      else if (e.key === "?") dialog.value = "help";
      else if (e.key === "t" && page.value === "overlay") asTable.value = !asTable.value;
      else if (e.key === "p" && page.value === "overlay") playing.value = !playing.value;
      else return;
      e.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}
