// Names and what answers under them: promote, roll back, stop, try.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Play, Rocket, Square, Undo2 } from "lucide-react";
import { Button } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { useTopic } from "../live/hooks";
import { useDoing } from "../parts/Act";
import { Card } from "../parts/Card";
import { useNow } from "../parts/now";
import { Pill } from "../parts/Pill";
import { ago, short } from "../parts/say";
import { Try } from "../parts/Try";
import { Empty, Of, Trouble } from "../parts/Wait";

type Deployment = Schemas["DeploymentOut"];

export default function Deployments() {
  const { name } = useSearch({ strict: false }) as { name?: string };
  const list = useQuery({ queryKey: ["deployments"], queryFn: () => told(api.GET("/api/v1/deployments", { params: { query: { limit: 200 } } })) });
  const go = useNavigate();
  return (
    <>
      <div className="runhead">
        <h1>Deployments</h1>
      </div>
      <Of query={list} rows={5}>
        {(found) => {
          const chosen = found.items.find((one) => one.name === name) ?? found.items[0];
          return chosen ? (
            <div className="grid flush">
              <Card title="Names" icon={Rocket} className="c4">
                <ul className="choices" aria-label="Deployments">
                  {found.items.map((one) => (
                    <li key={one.id}>
                      <Button
                        className="choice"
                        aria-current={one.id === chosen.id || undefined}
                        onPress={() => void go({ to: "/deployments" as never, search: { name: one.name } as never, replace: true })}
                      >
                        <span className="two">
                          <b>{one.name}</b>
                          <span className="muted mono sm">{short(one.artifact)}</span>
                        </span>
                        <Pill tone={one.state === "serving" ? "ok" : "idle"}>{one.state}</Pill>
                      </Button>
                    </li>
                  ))}
                </ul>
              </Card>
              <One key={chosen.id} deployment={chosen} />
            </div>
          ) : (
            <Empty icon={Rocket} title="Nothing is deployed yet">
              <p className="muted">Open a published run, and deploy what it certified.</p>
            </Empty>
          );
        }}
      </Of>
    </>
  );
}

function One({ deployment }: { deployment: Deployment }) {
  const client = useQueryClient();
  const may = useMay();
  const now = useNow();
  const doing = useDoing();
  const name = deployment.name;
  const key = ["deployment", name];
  const detail = useQuery({ queryKey: key, queryFn: () => told(api.GET("/api/v1/deployments/{name}", { params: { path: { name } } })) });
  const fresh = async () => {
    await client.invalidateQueries({ queryKey: key });
    await client.invalidateQueries({ queryKey: ["deployments"] });
  };
  useTopic(`deployment/${name}`, () => void fresh(), () => void fresh());
  const ask = (what: "rollback" | "stop" | "start") =>
    doing.run(async () => {
      const path = `/api/v1/deployments/{name}/${what}` as "/api/v1/deployments/{name}/stop";
      await told(api.POST(path, { params: { path: { name } }, body: { reason: "by hand", version: detail.data!.version } as never }));
      await fresh();
    });
  return (
    <div className="c8 stack">
      <Of query={detail} rows={4}>
        {(found) => (
          <Card
            title={name}
            aside={
              <div className="actions">
                {found.history.length > 1 && may("deployments.rollback") && (
                  <Button className="btn" isDisabled={doing.busy} onPress={() => void ask("rollback")}>
                    <Undo2 size={16} aria-hidden />
                    Roll back
                  </Button>
                )}
                {found.state === "serving" && may("deployments.stop") && (
                  <Button className="btn" isDisabled={doing.busy} onPress={() => void ask("stop")}>
                    <Square size={15} aria-hidden />
                    Stop
                  </Button>
                )}
                {found.state === "stopped" && may("deployments.start") && (
                  <Button className="btn primary" isDisabled={doing.busy} onPress={() => void ask("start")}>
                    <Play size={16} aria-hidden />
                    Start
                  </Button>
                )}
              </div>
            }
          >
            {doing.error !== null && <Trouble error={doing.error} />}
            <dl className="facts">
              <dt>Answers</dt>
              <dd className="mono wrap">{found.artifact}</dd>
              {found.canary && (
                <>
                  <dt>Canary</dt>
                  <dd>
                    <span className="mono">{short(found.canary.artifact)}</span> answers {Math.round(100 * found.canary.share)} %
                  </dd>
                </>
              )}
            </dl>
            <h3 className="spaced">History</h3>
            <ol className="rows">
              {[...found.history].reverse().map((one) => (
                <li key={one.number}>
                  <span className="mono sm">{short(one.artifact)}</span>
                  <span className="grow sm">{one.reason || one.state}</span>
                  <time className="muted sm" dateTime={one.created}>
                    {ago(one.created, now)}
                  </time>
                </li>
              ))}
            </ol>
          </Card>
        )}
      </Of>
      {deployment.state === "serving" && may("deployments.predict") && (
        <Card title="Try it">
          <Try name={name} />
        </Card>
      )}
    </div>
  );
}
