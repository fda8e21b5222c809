// What was asked of a deployment since the server started, and how long its answers took.
import { useQuery } from "@tanstack/react-query";
import { Gauge } from "lucide-react";
import { api, told } from "../../api/client";
import { Card } from "../../parts/Card";
import { Of } from "../../parts/Wait";

const EVERY_MS = 5_000;

export function Traffic({ name }: { name: string }) {
  const traffic = useQuery({
    queryKey: ["deployment", name, "traffic"],
    refetchInterval: EVERY_MS,
    queryFn: () => told(api.GET("/api/v1/deployments/{name}/traffic", { params: { path: { name } } })),
  });
  return (
    <Card title="Traffic" icon={Gauge} aside={<span className="muted sm">since the server started</span>}>
      <Of query={traffic} rows={2}>
        {(found) => (
          <dl className="kpis flat">
            {(
              [
                ["Requests", found.requests.toLocaleString("en")],
                ["Errors", found.errors.toLocaleString("en")],
                ["Mean", time(found.mean)],
                ["95 of 100 within", time(found.most)],
              ] as const
            ).map(([label, value]) => (
              <div key={label} className="kpi well">
                <dt>{label}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        )}
      </Of>
    </Card>
  );
}

/** Seconds as people compare them: 12 ms, 1.25 s. */
export function time(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "–";
  return seconds < 1 ? `${Math.max(1, Math.round(1000 * seconds))} ms` : `${seconds.toFixed(2)} s`;
}
