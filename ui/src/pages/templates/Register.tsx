// A base model, its task and its data: registered, pinned and certified in one go.
import { useQuery } from "@tanstack/react-query";
import { ShieldCheck } from "lucide-react";
import { useState } from "react";
import { Button } from "react-aria-components";
import { api, told } from "../../api/client";
import { faultsOf } from "../../api/faults";
import { Sheet, useDoing } from "../../parts/Act";
import { Pick } from "../../parts/Pick";
import { Text } from "../../parts/Text";
import { Trouble } from "../../parts/Wait";

const FIELDS = ["name", "kind", "task", "source", "revision", "dataset", "sample", "hub", "columns", "set", "recipe"] as const;
const HINTS = {
  dataset: /dataset/i,
  sample: /sample/,
  revision: /revision|commit/,
  task: /task/,
  kind: /kind/,
  source: /model|hub|embedded|made|source/i,
  name: /name|template/i,
};
const OWN = "own";

export function Register({ close, made }: { close: () => void; made: (id: string) => Promise<void> }) {
  const kinds = useQuery({ queryKey: ["kinds"], queryFn: () => told(api.GET("/api/v1/kinds")) });
  const datasets = useQuery({ queryKey: ["datasets", "names"], queryFn: () => told(api.GET("/api/v1/datasets", { params: { query: { limit: 200 } } })) });
  const [said, setSaid] = useState({ name: "", kind: "language", task: "classify", source: "embedded:minilm", revision: "", data: "sample:support_tickets" });
  const doing = useDoing();
  const { at, rest } = faultsOf(doing.error, FIELDS, HINTS);
  const set = (more: Partial<typeof said>) => setSaid((before) => ({ ...before, ...more }));
  const tasks = Object.entries((kinds.data?.items.find((one) => one.name === said.kind)?.tasks ?? {}) as Record<string, { title: string }>);
  const data = [
    { id: "sample:support_tickets", name: "Sample: support tickets" },
    { id: "sample:ticket_replies", name: "Sample: ticket replies" },
    { id: OWN, name: "What the starter recipe names" },
    ...(datasets.data?.items ?? []).map((one) => ({ id: `dataset:${one.digest}`, name: one.name, said: `${one.rows.toLocaleString("en")} rows` })),
  ];
  const add = () =>
    doing.run(async () => {
      const { data: from, ...rest } = said;
      const at = from.indexOf(":");
      const body = { ...rest, ...(from === OWN ? {} : { [from.slice(0, at)]: from.slice(at + 1) }) };
      const found = await told(api.POST("/api/v1/templates", { body: body as never }));
      await made(found.id);
      close();
    });
  return (
    <Sheet open close={close} title="Register a model">
      <Text label="Name" value={said.name} change={(name) => set({ name })} fault={at.name} said="Small letters, digits, hyphens and underscores." needed focus example="tickets" />
      <div className="roles">
        <Pick
          label="Kind"
          value={said.kind}
          choices={(kinds.data?.items ?? []).map((one) => ({ id: String(one.name), name: String(one.title) }))}
          change={(kind) => set({ kind, task: Object.keys((kinds.data?.items.find((one) => one.name === kind)?.tasks ?? {}) as object)[0] ?? "" })}
          fault={at.kind}
        />
        <Pick label="Task" value={said.task} choices={tasks.map(([id, card]) => ({ id, name: card.title }))} change={(task) => set({ task })} fault={at.task} />
      </div>
      <Text
        label="Base model"
        value={said.source}
        change={(source) => set({ source })}
        fault={at.source}
        said="A hub id such as org/name, or one that ships with Engram: embedded:… or made:…"
        needed
        mono
      />
      {!/^(embedded|made):/.test(said.source) && (
        <Text label="Revision" value={said.revision} change={(revision) => set({ revision })} fault={at.revision} said="The commit of the hub id, 40 hex digits." mono />
      )}
      <Pick label="Data" value={said.data} choices={data} change={(one) => set({ data: one })} fault={at.dataset ?? at.sample ?? at.hub} />
      {rest !== null && <Trouble error={rest} />}
      <div className="actions">
        <Button className="btn" onPress={close}>
          Leave it
        </Button>
        <Button className="btn primary" isPending={doing.busy} isDisabled={!said.name || !said.source} onPress={() => void add()}>
          <ShieldCheck size={16} aria-hidden />
          {doing.busy ? "Certifying …" : "Register and certify"}
        </Button>
      </div>
    </Sheet>
  );
}
