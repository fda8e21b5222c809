// A name for an artifact; before it answers, a load test asks it as many clients would.
import { useQueryClient } from "@tanstack/react-query";
import { Rocket } from "lucide-react";
import { useState } from "react";
import { Button } from "react-aria-components";
import { api, told } from "../../api/client";
import { faultsOf } from "../../api/faults";
import { Sheet, useDoing } from "../../parts/Act";
import { Pick } from "../../parts/Pick";
import { Text } from "../../parts/Text";
import { Trouble } from "../../parts/Wait";
import { useArtifacts } from "./artifacts";

const HINTS = { name: /deployment .*(name|called|there is)|such a deployment/i };

export function Deploy({ artifact, close, made }: { artifact: string; close: () => void; made: (name: string) => void }) {
  const client = useQueryClient();
  const artifacts = useArtifacts(artifact);
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState(artifact);
  const doing = useDoing();
  const faults = faultsOf(doing.error, ["name", "artifact"], HINTS);
  const deploy = () =>
    doing.run(async () => {
      await told(api.POST("/api/v1/deployments", { body: { name, artifact: chosen } }));
      await client.invalidateQueries({ queryKey: ["deployments"] });
      made(name);
    });
  return (
    <Sheet open close={close} title="Deploy an artifact">
      <Text label="Name" value={name} change={setName} said="Small letters, digits and hyphens; programs ask for the model by it." fault={faults.at.name} needed focus />
      <Pick label="Artifact" value={chosen} choices={artifacts} change={setChosen} fault={faults.at.artifact} />
      <p className="muted sm">Before it answers, a load test asks it as many clients would; its gate decides. That takes seconds to minutes.</p>
      {faults.rest !== null && <Trouble error={faults.rest} />}
      <div className="actions">
        <Button className="btn" onPress={close}>
          Leave it
        </Button>
        <Button className="btn primary" isPending={doing.busy} isDisabled={!name || !chosen} onPress={() => void deploy()}>
          <Rocket size={16} aria-hidden />
          {doing.busy ? "Testing under load …" : "Deploy"}
        </Button>
      </div>
    </Sheet>
  );
}
