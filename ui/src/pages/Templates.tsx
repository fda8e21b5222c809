// Base models with all that a run of them needs, certified when they are registered.
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Boxes, Download, Play, Plus, Trash2 } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Button, Input, Label, TextField } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { useMay } from "../api/session";
import { Sheet, Sure, useDoing } from "../parts/Act";
import { Card } from "../parts/Card";
import { on, short } from "../parts/say";
import { Empty, Trouble, Waiting } from "../parts/Wait";

const Code = lazy(() => import("../parts/Code"));
type Template = Schemas["TemplateOut"];

export default function Templates() {
  const may = useMay();
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [id, setId] = useState("");
  const list = useList<Template>(["templates"], (after) => told(api.GET("/api/v1/templates", { params: { query: { after, limit: 100 } } })));
  const fresh = () => client.invalidateQueries({ queryKey: ["templates"] });
  const chosen = list.items.find((one) => one.id === id) ?? list.items[0];
  return (
    <>
      <div className="runhead">
        <h1>Templates</h1>
        <div className="actions">
          {may("templates.create") && (
            <Button className="btn primary" onPress={() => setAdding(true)}>
              <Plus size={16} aria-hidden />
              Register a model
            </Button>
          )}
        </div>
      </div>
      {list.error ? (
        <Trouble error={list.error} again={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting rows={5} />
      ) : chosen ? (
        <div className="grid flush">
          <Card title="Registered" icon={Boxes} className="c4">
            <ul className="choices" aria-label="Templates">
              {list.items.map((one) => (
                <li key={one.id}>
                  <Button className="choice" aria-current={one.id === chosen.id || undefined} onPress={() => setId(one.id)}>
                    <span className="two">
                      <b>{one.name}</b>
                      <span className="muted sm">{one.source}</span>
                    </span>
                    <span className="muted sm">
                      {one.kind} · {one.task}
                    </span>
                  </Button>
                </li>
              ))}
            </ul>
          </Card>
          <Card
            title={chosen.name}
            className="c8"
            aside={
              <div className="actions">
                <a className="btn" href={`/api/v1/templates/${chosen.id}/certificate`} download={`${chosen.name}.certificate.json`}>
                  <Download size={16} aria-hidden />
                  Certificate
                </a>
                {may("templates.delete") && (
                  <Sure
                    label="Delete"
                    icon={<Trash2 size={15} aria-hidden />}
                    question="Only a template that no run refers to can go; the ledger keeps that it was."
                    word="Delete it"
                    act={async () => {
                      await told(api.DELETE("/api/v1/templates/{template}", { params: { path: { template: chosen.id } } }));
                      await fresh();
                    }}
                  />
                )}
                {may("runs.create") && (
                  <Link className="btn primary" to={"/runs/new" as never} search={{ template: chosen.id } as never}>
                    <Play size={16} aria-hidden />
                    Train it
                  </Link>
                )}
              </div>
            }
          >
            <dl className="facts">
              <dt>Base</dt>
              <dd className="wrap">
                {chosen.source}
                {chosen.revision && <span className="mono sm muted"> @ {chosen.revision.slice(0, 10)}</span>}
              </dd>
              <dt>Digest</dt>
              <dd className="mono">{short(chosen.digest)}</dd>
              <dt>Registered</dt>
              <dd>{on(chosen.created)}</dd>
            </dl>
            <Suspense fallback={<Waiting rows={8} />}>
              <Code text={chosen.recipe_text} label={`Recipe of ${chosen.name}, YAML`} />
            </Suspense>
          </Card>
        </div>
      ) : (
        <Empty icon={Boxes} title="Register your first model">
          <pre className="well mono sm pad">engram template register NAME --kind language --task classify --source embedded:minilm</pre>
        </Empty>
      )}
      <Register open={adding} close={() => setAdding(false)} made={fresh} />
    </>
  );
}

const FIELDS = [
  ["name", "Name", "tickets"],
  ["kind", "Kind", "language"],
  ["task", "Task", "classify"],
  ["source", "Base: a hub id, or embedded:… or made:…", "embedded:minilm"],
  ["revision", "Commit of a hub id", ""],
  ["dataset", "Dataset, by name or digest", ""],
  ["sample", "Or a sample that ships", "support_tickets"],
] as const;

function Register({ open, close, made }: { open: boolean; close: () => void; made: () => Promise<void> }) {
  const [values, setValues] = useState<Record<string, string>>({ kind: "language", task: "classify", source: "embedded:minilm", sample: "support_tickets" });
  const doing = useDoing();
  const add = () =>
    doing.run(async () => {
      const said = Object.fromEntries(Object.entries(values).filter(([, value]) => value));
      await told(api.POST("/api/v1/templates", { body: said as never }));
      await made();
      close();
    });
  return (
    <Sheet open={open} close={close} title="Register a model">
      {FIELDS.map(([name, label, example]) => (
        <TextField key={name} value={values[name] ?? ""} onChange={(value) => setValues((before) => ({ ...before, [name]: value }))}>
          <Label>{label}</Label>
          <Input className="field" placeholder={example} />
        </TextField>
      ))}
      {doing.error !== null && <Trouble error={doing.error} />}
      <div className="actions">
        <Button className="btn" onPress={close}>
          Cancel
        </Button>
        <Button className="btn primary" isPending={doing.busy} isDisabled={!values.name} onPress={() => void add()}>
          Register and certify
        </Button>
      </div>
    </Sheet>
  );
}
