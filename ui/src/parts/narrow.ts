import { useSyncExternalStore } from "react";

const query = typeof matchMedia === "function" ? matchMedia("(max-width: 760px)") : null;

/** Whether the screen is as narrow as a telephone's. */
export const useNarrow = (): boolean =>
  useSyncExternalStore(
    (tell) => {
      query?.addEventListener("change", tell);
      return () => query?.removeEventListener("change", tell);
    },
    () => query?.matches ?? false,
  );
