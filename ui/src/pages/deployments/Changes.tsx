// Another artifact for a name: at once, or for a share of the requests first.
import { ArrowUpCircle, Bird, Check, X } from "lucide-react";
import { useId, useState } from "react";
import { Button } from "react-aria-components";
import { api, told } from "../../api/client";
import { Fold } from "../../parts/Card";
import { Pick } from "../../parts/Pick";
import { short } from "../../parts/say";
import { useArtifacts } from "./artifacts";
import type { Ask, Detail } from "./One";

type Given = { deployment: Detail; ask: Ask; busy: boolean };

export function Promote({ deployment, ask, busy }: Given) {
  const [chosen, setChosen] = useState("");
  const others = useArtifacts().filter((one) => one.id !== deployment.artifact);
  const path = { name: deployment.name };
  const promote = async () => {
    const was = short(deployment.artifact);
    const done = await ask(
      (version) => told(api.POST("/api/v1/deployments/{name}/promote", { params: { path }, body: { artifact: chosen, reason: "promoted by hand", version } })),
      `${short(chosen)} answers now; before it, ${was} did.`,
    );
    if (done) setChosen("");
  };
  return (
    <Fold title="Promote another artifact" icon={ArrowUpCircle} open={false}>
      <div className="line">
        <div className="grow">
          <Pick label="Artifact" value={chosen} choices={others} change={setChosen} />
        </div>
        <Button className="btn primary" isPending={busy} isDisabled={!chosen} onPress={() => void promote()}>
          <ArrowUpCircle size={16} aria-hidden />
          {busy ? "Testing under load …" : "Promote"}
        </Button>
      </div>
      <p className="muted sm below">It must bear its load test first. What answers now stays in the history, one step back.</p>
    </Fold>
  );
}

export function Canary({ deployment, ask, busy }: Given) {
  const now = deployment.canary;
  const [chosen, setChosen] = useState(now?.artifact ?? "");
  const [share, setShare] = useState(Math.round(100 * (now?.share ?? 0.1)));
  const [by, setBy] = useState<"request" | "user">(now?.by ?? "request");
  const others = useArtifacts(chosen).filter((one) => one.id !== deployment.artifact);
  const slider = useId();
  const path = { name: deployment.name };
  const begin = () =>
    void ask(
      (version) => told(api.PUT("/api/v1/deployments/{name}/canary", { params: { path }, body: { artifact: chosen, share: share / 100, by, reason: now ? "canary changed by hand" : "canary begun by hand", version } })),
      "",
    );
  return (
    <Fold title="Canary" icon={Bird} open={now !== null} aside={now && <span className="muted sm">{Math.round(100 * now.share)} %</span>}>
      <div className="stack">
        <div className="line">
          <div className="grow">
            <Pick label="Artifact that answers a share" value={chosen} choices={others} change={setChosen} />
          </div>
          <Pick
            label="The share is of"
            value={by}
            choices={[
              { id: "request", name: "requests" },
              { id: "user", name: "users" },
            ]}
            change={(said) => setBy(said as "request" | "user")}
          />
        </div>
        <div>
          <label htmlFor={slider}>Share</label>
          <div className="share">
            <input id={slider} type="range" min={1} max={99} value={share} onChange={(event) => setShare(Number(event.target.value))} aria-valuetext={`${share} percent`} />
            <output htmlFor={slider} className="num">
              {share} %
            </output>
          </div>
        </div>
        <div className="actions">
          <Button className={now ? "btn" : "btn primary"} isPending={busy} isDisabled={!chosen} onPress={begin}>
            <Bird size={16} aria-hidden />
            {now ? "Change canary" : "Begin canary"}
          </Button>
          {now && (
            <>
              <Button
                className="btn primary"
                isDisabled={busy}
                onPress={() =>
                  void ask(
                    (version) => told(api.POST("/api/v1/deployments/{name}/canary/promote", { params: { path }, body: { reason: "canary promoted by hand", version } })),
                    `The canary ${short(now.artifact)} answers everything now.`,
                  )
                }
              >
                <Check size={16} aria-hidden />
                Promote canary
              </Button>
              <Button
                className="btn"
                isDisabled={busy}
                onPress={() => void ask((version) => told(api.POST("/api/v1/deployments/{name}/canary/end", { params: { path }, body: { reason: "canary ended by hand", version } })))}
              >
                <X size={16} aria-hidden />
                End canary
              </Button>
            </>
          )}
        </div>
      </div>
    </Fold>
  );
}
