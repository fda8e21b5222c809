// One deployment: what answers, what was asked of it, its history, and everything that may be done to it.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Play, Share2, Square, Trash2, Undo2 } from "lucide-react";
import { useState } from "react";
import { Button } from "react-aria-components";
import { api, Refused, told, type Schemas } from "../../api/client";
import { isStale } from "../../api/faults";
import { useMay } from "../../api/session";
import { useTopic } from "../../live/hooks";
import { Sure, useDoing } from "../../parts/Act";
import { Card } from "../../parts/Card";
import { Long } from "../../parts/Long";
import { Pill } from "../../parts/Pill";
import { short } from "../../parts/say";
import { Stale } from "../../parts/Stale";
import { Try } from "../../parts/Try";
import { Of, Trouble } from "../../parts/Wait";
import { Canary, Promote } from "./Changes";
import { History } from "./History";
import { previous } from "./previous";
import { Traffic } from "./Traffic";

export type Detail = Schemas["DeploymentDetail"];
export type Ask = (what: (version: number) => Promise<unknown>, done?: string) => Promise<boolean>;

export function One({ name, gone }: { name: string; gone: () => void }) {
  const client = useQueryClient();
  const may = useMay();
  const doing = useDoing();
  const [said, setSaid] = useState("");
  const key = ["deployment", name];
  const detail = useQuery({ queryKey: key, queryFn: () => told(api.GET("/api/v1/deployments/{name}", { params: { path: { name } } })) });
  const fresh = async () => {
    await client.invalidateQueries({ queryKey: key });
    await client.invalidateQueries({ queryKey: ["deployments"] });
  };
  useTopic(`deployment/${name}`, () => void fresh(), () => void fresh());
  return (
    <Of query={detail} rows={6}>
      {(found) => {
        const path = { name };
        const before = previous(found);
        const ask: Ask = (what, done = "") =>
          doing.run(async () => {
            setSaid("");
            await what(found.version);
            await fresh();
            setSaid(done);
          });
        const rollback = (done: string) =>
          ask((version) => told(api.POST("/api/v1/deployments/{name}/rollback", { params: { path }, body: { reason: "rolled back by hand", version } })), done);
        return (
          <div className="c8 stack">
            <Card
              title={name}
              aside={
                <div className="actions">
                  <Pill tone={found.state === "serving" ? "ok" : "idle"}>{found.state}</Pill>
                  {found.state === "serving" && may("deployments.stop", found.owner) && (
                    <Button
                      className="btn"
                      isDisabled={doing.busy}
                      onPress={() => void ask((version) => told(api.POST("/api/v1/deployments/{name}/stop", { params: { path }, body: { reason: "stopped by hand", version } })))}
                    >
                      <Square size={15} aria-hidden />
                      Stop
                    </Button>
                  )}
                  {found.state === "stopped" && may("deployments.start", found.owner) && (
                    <Button
                      className="btn primary"
                      isPending={doing.busy}
                      onPress={() => void ask((version) => told(api.POST("/api/v1/deployments/{name}/start", { params: { path }, body: { reason: "started by hand", version } })))}
                    >
                      <Play size={16} aria-hidden />
                      Start
                    </Button>
                  )}
                  {may("deployments.delete", found.owner) && (
                    <Sure
                      label="Delete"
                      icon={<Trash2 size={15} aria-hidden />}
                      question={`Programs that ask ${name} are refused from now on. The artifact stays, and the ledger keeps every change.`}
                      word="Delete deployment"
                      act={async () => {
                        await told(api.DELETE("/api/v1/deployments/{name}", { params: { path }, headers: { "If-Match": `"${found.version}"` } }));
                        client.removeQueries({ queryKey: key });
                        await client.invalidateQueries({ queryKey: ["deployments"] });
                        gone();
                      }}
                    />
                  )}
                </div>
              }
            >
              {said && (
                <div className="undo" role="status">
                  <p>{said}</p>
                  {before && may("deployments.rollback", found.owner) && (
                    <Button className="btn" isDisabled={doing.busy} onPress={() => void rollback(`Undone: ${short(before)} answers again.`)}>
                      <Undo2 size={16} aria-hidden />
                      Undo
                    </Button>
                  )}
                </div>
              )}
              {isStale(doing.error) ? (
                <Stale
                  load={() => {
                    doing.clear();
                    void fresh();
                  }}
                />
              ) : (
                doing.error !== null && <Trouble error={plain(doing.error)} />
              )}
              <dl className="facts">
                <dt>Answers</dt>
                <dd>
                  <Long value={found.artifact} what="artifact" />
                </dd>
                {found.canary && (
                  <>
                    <dt>Canary</dt>
                    <dd>
                      <Long value={found.canary.artifact} what="canary" /> answers {Math.round(100 * found.canary.share)} % of the {found.canary.by === "user" ? "users" : "requests"}
                    </dd>
                  </>
                )}
                <dt>Shared</dt>
                <dd>{found.shared ? "with everybody here" : "with nobody"}</dd>
              </dl>
              <div className="actions spaced">
                {may("deployments.share", found.owner) && (
                  <Button
                    className="btn"
                    isDisabled={doing.busy}
                    onPress={() =>
                      void ask((version) => told(api.PUT("/api/v1/deployments/{name}/share", { params: { path }, body: { shared: !found.shared }, headers: { "If-Match": `"${version}"` } })))
                    }
                  >
                    <Share2 size={15} aria-hidden />
                    {found.shared ? "Share with nobody" : "Share with everybody here"}
                  </Button>
                )}
                {may("deployments.rollback", found.owner) && before && (
                  <Button className="btn" isPending={doing.busy} onPress={() => void rollback(`Rolled back: ${short(before)} answers.`)}>
                    <Undo2 size={16} aria-hidden />
                    Roll back to <span className="mono">{short(before)}</span>
                  </Button>
                )}
              </div>
            </Card>
            {may("deployments.traffic", found.owner) && <Traffic name={name} />}
            {found.state === "serving" && may("deployments.predict", found.owner) && (
              <Card title="Try it">
                <Try name={name} kind={found.kind} task={found.task} />
              </Card>
            )}
            {may("deployments.promote", found.owner) && <Promote deployment={found} ask={ask} busy={doing.busy} />}
            {may("deployments.canary", found.owner) && <Canary deployment={found} ask={ask} busy={doing.busy} />}
            <History deployment={found} />
          </div>
        );
      }}
    </Of>
  );
}

/** What the core can't do, said as what a person sees of it. */
function plain(error: unknown): unknown {
  if (!(error instanceof Refused) || error.problem.status !== 503) return error;
  return new Refused({ ...error.problem, detail: `The models' part of the server doesn't answer. ${error.problem.detail}` });
}
