// Every change of a deployment, newest first; each is an entry of the ledger.
import { Link } from "@tanstack/react-router";
import { Card } from "../../parts/Card";
import { Long } from "../../parts/Long";
import { useNow } from "../../parts/now";
import { ago, on } from "../../parts/say";
import type { Detail } from "./One";

export function History({ deployment }: { deployment: Detail }) {
  const now = useNow();
  const newest = deployment.history.at(-1)?.number;
  return (
    <Card
      title="History"
      aside={
        <Link className="sm" to={"/ledger" as never} search={{ subject: deployment.id } as never}>
          In the ledger
        </Link>
      }
    >
      <ol className="history" reversed>
        {[...deployment.history].reverse().map((one) => (
          <li key={one.number} data-now={one.number === newest || undefined}>
            <span className="dot" aria-hidden />
            <Long value={one.artifact} what="artifact" />
            <time className="muted sm" dateTime={one.created} title={on(one.created)}>
              {ago(one.created, now)}
            </time>
            <span className="why sm muted">
              {one.reason || "deployed"}
              {one.state === "stopped" && ", stopped"}
              {one.canary && `, canary ${Math.round(100 * one.canary.share)} %`}
              {one.number === newest && ", as it is now"}
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}
