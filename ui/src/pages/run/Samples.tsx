// Ask the model that a run made, under the name it is deployed by, or deploy it first.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Rocket } from "lucide-react";
import { useState } from "react";
import { Button, Input, Label, TextField } from "react-aria-components";
import { api, told, type Schemas } from "../../api/client";
import { useMay } from "../../api/session";
import { Card } from "../../parts/Card";
import { Try } from "../../parts/Try";
import { Empty, Of, Trouble } from "../../parts/Wait";

export default function Samples({ run }: { run: Schemas["RunOut"] }) {
  const deployments = useQuery({ queryKey: ["deployments"], queryFn: () => told(api.GET("/api/v1/deployments", { params: { query: { limit: 200 } } })) });
  if (!run.artifact) {
    return (
      <Empty icon={Rocket} title="There is no model yet">
        <p className="muted">A run has one when every gate has let it pass.</p>
      </Empty>
    );
  }
  return (
    <Of query={deployments}>
      {(found) => {
        const here = found.items.find((one) => one.artifact === run.artifact && one.state === "serving");
        return here ? (
          <Card title={`Ask ${here.name}`}>
            <Try name={here.name} kind={run.kind} task={run.task} />
          </Card>
        ) : (
          <Deploy run={run} />
        );
      }}
    </Of>
  );
}

function Deploy({ run }: { run: Schemas["RunOut"] }) {
  const may = useMay();
  const client = useQueryClient();
  const [name, setName] = useState(run.recipe.replaceAll("_", "-"));
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const deploy = async () => {
    setBusy(true);
    setError(null);
    try {
      await told(api.POST("/api/v1/deployments", { body: { name, artifact: run.artifact } }));
      await client.invalidateQueries({ queryKey: ["deployments"] });
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  if (!may("deployments.create")) return <Empty icon={Rocket} title="This model is not deployed" />;
  return (
    <Card title="Deploy it to ask it">
      <p className="muted">Before it answers, a load test asks it as many clients would; its gate decides.</p>
      <div className="line">
        <TextField value={name} onChange={setName} isRequired>
          <Label>Name</Label>
          <Input className="field" />
        </TextField>
        <Button className="btn primary" isPending={busy} isDisabled={!name} onPress={() => void deploy()}>
          <Rocket size={16} aria-hidden />
          {busy ? "Testing under load …" : "Deploy"}
        </Button>
      </div>
      {error !== null && <Trouble error={error} />}
    </Card>
  );
}
