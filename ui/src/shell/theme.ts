// Dark, light or as the system has it; kept in this browser.
import { useSyncExternalStore } from "react";

export type Theme = "system" | "dark" | "light";
const listeners = new Set<() => void>();
const system = matchMedia("(prefers-color-scheme: light)");

const wanted = (): Theme => (localStorage.getItem("theme") as Theme | null) ?? "system";

function apply(): void {
  const theme = wanted();
  const light = theme === "light" || (theme === "system" && system.matches);
  document.documentElement.dataset.theme = light ? "light" : "dark";
  dispatchEvent(new Event("theme"));
  for (const tell of listeners) tell();
}
system.addEventListener("change", apply);

export function setTheme(theme: Theme): void {
  localStorage.setItem("theme", theme);
  apply();
}

export function useTheme(): Theme {
  return useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, wanted);
}
