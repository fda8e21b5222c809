// One dataset: what it is, what it holds, how a task would read it, and its first rows.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Download, Play, Trash2 } from "lucide-react";
import { useState } from "react";
import { Button, FieldError, Input, Label, TextField } from "react-aria-components";
import { api, told } from "../../api/client";
import { useMay } from "../../api/session";
import { Sheet, useDoing } from "../../parts/Act";
import { Card } from "../../parts/Card";
import { Of, Trouble } from "../../parts/Wait";
import { Facts } from "./Facts";
import { Mapping } from "./Mapping";
import { Quality } from "./Quality";
import { Splits } from "./Splits";

export function One({ id, gone }: { id: string; gone: () => void }) {
  const may = useMay();
  const client = useQueryClient();
  const path = { dataset: id };
  const dataset = useQuery({ queryKey: ["dataset", id], queryFn: () => told(api.GET("/api/v1/datasets/{dataset}", { params: { path } })) });
  return (
    <div className="c8 stack">
      <Of query={dataset} rows={4}>
        {(found) => (
          <>
            <Card
              title={found.name}
              aside={
                <div className="actions">
                  {may("datasets.download") && (
                    <a className="btn" href={`/api/v1/datasets/${id}/download`} download>
                      <Download size={16} aria-hidden />
                      Download
                    </a>
                  )}
                  {may("datasets.delete", found.owner) && (
                    <Delete
                      name={found.name}
                      act={async () => {
                        await told(api.DELETE("/api/v1/datasets/{dataset}", { params: { path }, headers: { "If-Match": `"${found.version}"` } }));
                        gone();
                        client.removeQueries({ queryKey: ["dataset", id] });
                        await client.invalidateQueries({ queryKey: ["datasets"] });
                      }}
                    />
                  )}
                  {may("runs.create") && (
                    <Link className="btn primary" to={"/runs/new" as never} search={{ dataset: found.name } as never}>
                      <Play size={16} aria-hidden />
                      Train on it
                    </Link>
                  )}
                </div>
              }
            >
              <Facts dataset={found} />
            </Card>
            <Card title="Quality">
              <Quality quality={found.quality} />
            </Card>
            {may("datasets.splits") && <Splits id={id} />}
            {may("datasets.preview") && <Mapping id={id} />}
          </>
        )}
      </Of>
    </div>
  );
}

/** Deletion asks for the name, because what hangs on it can't be seen from here. */
export function Delete({ name, act }: { name: string; act: () => Promise<unknown> }) {
  const [open, setOpen] = useState(false);
  const [said, setSaid] = useState("");
  const doing = useDoing();
  const close = () => {
    setOpen(false);
    setSaid("");
    doing.clear();
  };
  return (
    <>
      <Button className="btn" onPress={() => setOpen(true)}>
        <Trash2 size={15} aria-hidden />
        Delete
      </Button>
      <Sheet open={open} close={close} title={`Delete ${name}`}>
        <p className="muted">Its name goes, and recipes that name it can't be run again. Runs that used it keep its digest, and so does the ledger.</p>
        <TextField value={said} onChange={setSaid} autoFocus>
          <Label>
            To delete it, type its name: <span className="mono">{name}</span>
          </Label>
          <Input className="field" autoComplete="off" />
          <FieldError />
        </TextField>
        {doing.error !== null && <Trouble error={doing.error} />}
        <div className="actions">
          <Button className="btn" onPress={close}>
            Keep it
          </Button>
          <Button className="btn primary" isPending={doing.busy} isDisabled={said.trim() !== name} onPress={() => void doing.run(act)}>
            Delete dataset
          </Button>
        </div>
      </Sheet>
    </>
  );
}
