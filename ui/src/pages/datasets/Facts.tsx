// What a dataset is called and licensed under, changed in its place, and its digest.
import { useQueryClient } from "@tanstack/react-query";
import { Pencil, Save } from "lucide-react";
import { useState } from "react";
import { Button } from "react-aria-components";
import { api, told, type Schemas } from "../../api/client";
import { faultsOf, isStale } from "../../api/faults";
import { useMay } from "../../api/session";
import { useDoing } from "../../parts/Act";
import { Long } from "../../parts/Long";
import { bytes, on } from "../../parts/say";
import { Stale } from "../../parts/Stale";
import { Text } from "../../parts/Text";
import { Trouble } from "../../parts/Wait";

type Dataset = Schemas["DatasetDetail"];
const HINTS = { name: /no name for a dataset|another dataset|no file of rows/ };

export function Facts({ dataset }: { dataset: Dataset }) {
  const may = useMay();
  const [editing, setEditing] = useState(false);
  if (editing) return <Edit key={dataset.version} dataset={dataset} close={() => setEditing(false)} />;
  return (
    <>
      <dl className="facts">
        <dt>Format</dt>
        <dd>
          {dataset.format}, {bytes(dataset.bytes)}
        </dd>
        <dt>Licence</dt>
        <dd>{dataset.license || "unstated"}</dd>
        <dt>Digest</dt>
        <dd>
          <Long value={dataset.digest} what="digest" />
        </dd>
        <dt>Brought in</dt>
        <dd>{on(dataset.created)}</dd>
      </dl>
      {may("datasets.update", dataset.owner) && (
        <div className="actions spaced">
          <Button className="btn" onPress={() => setEditing(true)}>
            <Pencil size={15} aria-hidden />
            Change name or licence
          </Button>
        </div>
      )}
    </>
  );
}

function Edit({ dataset, close }: { dataset: Dataset; close: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(dataset.name);
  const [license, setLicense] = useState(dataset.license);
  const doing = useDoing();
  const faults = faultsOf(doing.error, ["name", "license"], HINTS);
  const fresh = async () => {
    await client.invalidateQueries({ queryKey: ["dataset", dataset.id] });
    await client.invalidateQueries({ queryKey: ["datasets"] });
  };
  const save = () =>
    doing.run(async () => {
      const headers = { "If-Match": `"${dataset.version}"` };
      const body = { ...(name === dataset.name ? {} : { name }), license };
      await told(api.PATCH("/api/v1/datasets/{dataset}", { params: { path: { dataset: dataset.id } }, body, headers }));
      await fresh();
      close();
    });
  return (
    <div className="stack">
      <Text label="Name" value={name} change={setName} fault={faults.at.name} focus needed />
      <Text label="Licence" value={license} change={setLicense} fault={faults.at.license} example="CC-BY-4.0" />
      {isStale(doing.error) ? <Stale load={() => void fresh()} /> : faults.rest !== null && <Trouble error={faults.rest} />}
      <div className="actions">
        <Button className="btn" onPress={close}>
          Leave it
        </Button>
        <Button className="btn primary" isPending={doing.busy} isDisabled={!name.trim()} onPress={() => void save()}>
          <Save size={15} aria-hidden />
          Save name and licence
        </Button>
      </div>
    </div>
  );
}
