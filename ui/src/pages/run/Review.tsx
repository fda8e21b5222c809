// A verdict that waits for a person: what was missed, and her decision with its reason.
import { useQueryClient } from "@tanstack/react-query";
import { Check, X } from "lucide-react";
import { useState } from "react";
import { Button, Label, TextArea, TextField } from "react-aria-components";
import { api, told, type Schemas } from "../../api/client";
import { useMay } from "../../api/session";
import { Card } from "../../parts/Card";
import { number } from "../../parts/say";
import { Trouble } from "../../parts/Wait";

export function Review({ run, verdicts }: { run: Schemas["RunOut"]; verdicts: Schemas["VerdictOut"][] }) {
  const may = useMay();
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const [error, setError] = useState<unknown>(null);
  const verdict = verdicts.find((one) => one.decision === "review" && one.stage === run.stage) ?? verdicts.find((one) => one.decision === "review");
  if (!verdict) return null;
  const decide = async (decision: "approve" | "reject") => {
    setError(null);
    try {
      const body = { decision, reason, stage: verdict.stage, verdict: verdict.digest };
      await told(api.POST("/api/v1/runs/{run}/review", { params: { path: { run: run.id } }, body }));
      await client.invalidateQueries({ queryKey: ["run", run.id] });
    } catch (refused) {
      setError(refused);
    }
  };
  return (
    <Card title={`The ${verdict.stage} gate waits for a person`} className="spaced">
      <ul className="facts">
        {verdict.criteria
          .filter((one) => !one.passed)
          .map((one) => (
            <li key={one.metric}>
              <b>{one.metric.replaceAll("_", " ")}</b> {number(one.observed)}: {one.reason || `expected ${one.op} ${number(one.threshold)}`}
            </li>
          ))}
      </ul>
      {may("reviews.decide", run.owner) && (
        <>
          <TextField value={reason} onChange={setReason} isRequired>
            <Label>Why do you decide so? It is kept beside the certificate.</Label>
            <TextArea className="field" rows={3} />
          </TextField>
          {error !== null && <Trouble error={error} />}
          <div className="actions">
            <Button className="btn" isDisabled={!reason.trim()} onPress={() => void decide("reject")}>
              <X size={16} aria-hidden />
              Reject
            </Button>
            <Button className="btn primary" isDisabled={!reason.trim()} onPress={() => void decide("approve")}>
              <Check size={16} aria-hidden />
              Approve
            </Button>
          </div>
        </>
      )}
    </Card>
  );
}
