// Certified artifacts, as one chooses among them.
import { useQuery } from "@tanstack/react-query";
import { api, told } from "../../api/client";
import { useMay } from "../../api/session";
import type { Choice } from "../../parts/Pick";
import { number, short } from "../../parts/say";

/** The artifacts that may be chosen, newest first; the one that is named is among them even if it is old. */
export function useArtifacts(named = ""): Choice[] {
  const may = useMay();
  const found = useQuery({
    queryKey: ["artifacts"],
    enabled: may("artifacts.list"),
    queryFn: () => told(api.GET("/api/v1/artifacts", { params: { query: { limit: 200 } } })),
  });
  const all = (found.data?.items ?? []).map((one) => {
    const [metric, value] = Object.entries(one.metrics).find(([name]) => !/baseline|difference/.test(name)) ?? [];
    const said = [one.task, metric && `${metric.replaceAll("_", " ")} ${number(value)}`, one.run].filter(Boolean).join(" · ");
    return { id: one.digest, name: `${one.name} ${short(one.digest)}`, said };
  });
  return named && !all.some((one) => one.id === named) ? [{ id: named, name: short(named) }, ...all] : all;
}
