// The form: what most runs change comes first, every other key stands below in folded sections made from the schema.
import { Cpu, Database, SlidersHorizontal } from "lucide-react";
import { useMemo } from "react";
import { Card, Fold } from "../../parts/Card";
import { Columns } from "./Columns";
import { DataSource } from "./DataSource";
import type { Editing } from "./editing";
import { fieldAt, fieldsOf, nameOf, type Schema } from "./fields";
import { FieldInput } from "./Input";
import { at } from "./yaml";

const TRAINING: [string, string][] = [
  ["train.num_train_epochs", "Epochs"],
  ["train.learning_rate", "Learning rate"],
  ["train.per_device_train_batch_size", "Rows per batch"],
  ["train.max_steps", "Most steps"],
  ["train.seed", "Seed"],
];
const MODEL: [string, string][] = [
  ["model.source", "Base model"],
  ["adapter.type", "Method"],
];
const NAME: [string, string][] = [
  ["name", "Name"],
  ["title", "Title"],
];
// What learns in an environment has no rows and no epochs.
const PLAYED: { data: [string, string][]; training: [string, string][] } = {
  data: [
    ["model.source", "Environment"],
    ["policy.algorithm", "Algorithm"],
    ["data.seeds", "Episodes"],
  ],
  training: [
    ["train.max_steps", "Steps in the environment"],
    ["train.learning_rate", "Learning rate"],
    ["train.per_device_train_batch_size", "Steps per batch"],
    ["train.seed", "Seed"],
  ],
};
const SECTIONS = ["model", "data", "adapter", "train", "evaluate", "simulate"] as const;
const SHOWN = new Set([...TRAINING, ...MODEL, ...NAME].map(([key]) => key));
const SHOWN_PLAYED = new Set([...PLAYED.data, ...PLAYED.training, ...NAME].map(([key]) => key));
const METHOD = "lora trains small additions to the model; full trains all of it.";
const HELP: Record<string, string> = { "adapter.type": METHOD, "model.source": "A hub id, or embedded:minilm, which ships with Engram.", "train.max_steps": "Empty: as the epochs say." };

const HELP_PLAYED: Record<string, string> = { "model.source": "gym: and the id of an environment, as gym:CartPole-v1.", "data.seeds": "Each begins with a seed of its own; they are dealt to train, valid and test.", "train.max_steps": "" };

export function Form({ schema, edit }: { schema: Schema; edit: Editing }) {
  const played = String(at(edit.data, ["model", "source"]) ?? "").startsWith("gym:");
  const sections = useMemo(() => {
    const shown = played ? SHOWN_PLAYED : SHOWN;
    const below = (name: string) => fieldsOf(schema, [name]).filter((one) => !shown.has(one.key) && one.sort !== "yaml");
    const top = fieldsOf(schema).filter((one) => one.path.length === 1 && !shown.has(one.key) && one.key !== "format" && one.sort !== "yaml");
    return [...SECTIONS, ...(played ? ["policy"] : [])].map((name) => ({ name, fields: below(name) })).concat({ name: "recipe", fields: top });
  }, [schema, played]);
  const help = played ? { ...HELP, ...HELP_PLAYED } : HELP;
  const row = ([key, label]: [string, string]) => <FieldInput key={key} field={fieldAt(schema, key.split("."))} edit={edit} label={label} help={help[key]} />;
  return (
    <div className="stack">
      <Card title={played ? "Environment and policy" : "Data and model"} icon={Database}>
        <div className="stack">
          {NAME.map(row)}
          {played ? (
            PLAYED.data.map(row)
          ) : (
            <>
              <DataSource schema={schema} edit={edit} />
              <Columns edit={edit} />
              {MODEL.map(row)}
            </>
          )}
        </div>
      </Card>
      <Card title="Training" icon={Cpu}>
        <div className="fieldgrid">{(played ? PLAYED.training : TRAINING).map(row)}</div>
      </Card>
      <h2 className="cap">Every other key</h2>
      {sections.map(({ name, fields }) => (
        <Fold key={name} title={nameOf(name)} icon={SlidersHorizontal} open={false} aside={<Given edit={edit} keys={fields.map((one) => one.key)} />}>
          <div className="fieldgrid">
            {fields.map((field) => (
              <FieldInput key={field.key} field={field} edit={edit} label={labelOf(field.path.slice(1).map(String), field.name)} />
            ))}
          </div>
        </Fold>
      ))}
    </div>
  );
}

/** How many keys of a section are wrong, so that a folded one hides no fault. */
function Given({ edit, keys }: { edit: Editing; keys: string[] }) {
  const faults = edit.problems.filter((one) => keys.includes(one.key)).length;
  return faults ? <span className="pill bad">{faults === 1 ? "1 fault" : `${faults} faults`}</span> : null;
}

const labelOf = (below: string[], name: string): string => (below.length > 1 ? `${nameOf(below[0]!)}: ${name.toLowerCase()}` : name);
