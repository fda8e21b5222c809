// A link in a row of a long table: an ordinary anchor, which is drawn in a fifth of the time of the router's own.
import { useRouter } from "@tanstack/react-router";
import type { MouseEvent, ReactNode } from "react";

export function Go({ to, children }: { to: string; children: ReactNode }) {
  const router = useRouter();
  const go = (event: MouseEvent) => {
    // Another tab or window, and what another control took, are the browser's.
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void router.navigate({ to: to as never });
  };
  return (
    <a href={to} onClick={go}>
      {children}
    </a>
  );
}
