// Base models with all that a run of them needs, certified when they are registered.
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Boxes, Download, Play, Plus, Trash2 } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Button, Input, SearchField } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useList } from "../api/lists";
import { useMay } from "../api/session";
import { Sure } from "../parts/Act";
import { Card } from "../parts/Card";
import { Long } from "../parts/Long";
import { on } from "../parts/say";
import { Empty, Trouble, Waiting } from "../parts/Wait";
import { Register } from "./templates/Register";
import "./pages.css";

const Code = lazy(() => import("../parts/Code"));
type Template = Schemas["TemplateOut"];

export default function Templates() {
  const may = useMay();
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const go = useNavigate();
  const { id, name } = useSearch({ strict: false }) as { id?: string; name?: string };
  const set = (search: { id?: string; name?: string }) => void go({ to: "/templates" as never, search: Object.fromEntries(Object.entries(search).filter(([, value]) => value)) as never, replace: true });
  const list = useList<Template>(["templates", name ?? ""], (after) => told(api.GET("/api/v1/templates", { params: { query: { after, name, limit: 100 } } })));
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
      ) : chosen || name ? (
        <div className="grid flush">
          <Card title="Registered" icon={Boxes} className="c4">
            <SearchField className="spacious" aria-label="Name begins with" value={name ?? ""} onChange={(said) => set({ name: said })}>
              <Input className="field" placeholder="Name begins with" />
            </SearchField>
            {!chosen && <p className="muted">No name begins so.</p>}
            <ul className="choices" aria-label="Templates">
              {list.items.map((one) => (
                <li key={one.id}>
                  <Button className="choice" aria-current={one.id === chosen?.id || undefined} onPress={() => set({ name, id: one.id })}>
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
            {list.hasNextPage && (
              <Button className="btn" isPending={list.isFetchingNextPage} onPress={() => void list.fetchNextPage()}>
                Show more
              </Button>
            )}
          </Card>
          {chosen && (<Card
            title={chosen.name}
            className="c8"
            aside={
              <div className="actions">
                {may("templates.certificate") && (
                  <a className="btn" href={`/api/v1/templates/${chosen.id}/certificate`} download={`${chosen.name}.certificate.json`}>
                    <Download size={16} aria-hidden />
                    Certificate
                  </a>
                )}
                {may("templates.delete", chosen.owner) && (
                  <Sure
                    label="Delete"
                    icon={<Trash2 size={15} aria-hidden />}
                    question="Only a template that no run refers to can go; the ledger keeps that it was."
                    word="Delete template"
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
                {chosen.revision && <> at <Long value={chosen.revision} what="revision" /></>}
              </dd>
              <dt>Kind and task</dt>
              <dd>
                {chosen.kind}, {chosen.task}
              </dd>
              {chosen.dataset && (
                <>
                  <dt>Dataset</dt>
                  <dd>
                    <Long value={chosen.dataset} what="dataset's digest" />
                  </dd>
                </>
              )}
              <dt>Digest</dt>
              <dd>
                <Long value={chosen.digest} what="digest" /> <Link className="sm" to={"/ledger" as never} search={{ subject: chosen.digest } as never}>in the ledger</Link>
              </dd>
              <dt>Registered</dt>
              <dd>{on(chosen.created)}</dd>
            </dl>
            <Suspense fallback={<Waiting rows={8} />}>
              <div className="recipe-text">
                <Code text={chosen.recipe_text} label={`Recipe of ${chosen.name}, YAML`} />
              </div>
            </Suspense>
          </Card>)}
        </div>
      ) : (
        <Empty icon={Boxes} title="Register your first model">
          <p className="muted">A template is a base model with all that a run of it needs, certified. From a terminal:</p>
          <pre className="well mono sm pad wrap" tabIndex={0} aria-label="The command that registers a model">engram template register NAME --kind language --task classify --source embedded:minilm</pre>
          {may("templates.create") && (
            <Button className="btn primary" onPress={() => setAdding(true)}>
              <Plus size={16} aria-hidden />
              Register a model
            </Button>
          )}
        </Empty>
      )}
      {adding && (
        <Register
          close={() => setAdding(false)}
          made={async (one) => {
            await fresh();
            set({ id: one });
          }}
        />
      )}
    </>
  );
}
