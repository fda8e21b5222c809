// Where the rows come from: a sample that ships, or a dataset of the home; anything else is written in the YAML.
import { useQuery } from "@tanstack/react-query";
import { ChevronDown } from "lucide-react";
import { Button, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";
import { api, told } from "../../api/client";
import { useMay } from "../../api/session";
import type { Editing } from "./editing";
import type { Schema } from "./fields";
import { at, type Plain } from "./yaml";

const SAMPLE = "sample:";
const DATASET = "dataset:";
const OTHER = "other";
// Samples are Engram's own and in the public domain.
const SAMPLE_LICENCE = "CC0-1.0";

export const useDatasets = () => {
  const may = useMay();
  return useQuery({
    queryKey: ["datasets", "all"],
    enabled: may("datasets.list"),
    queryFn: () => told(api.GET("/api/v1/datasets", { params: { query: { limit: 200 } } })),
  });
};

/** The only source of a recipe, or null where it has none or several. */
export function onlySource(data: Editing["data"]): { [key: string]: Plain } | null {
  const sources = at(data, ["data", "sources"]);
  const [one] = Array.isArray(sources) && sources.length === 1 ? sources : [];
  return typeof one === "object" && one !== null && !Array.isArray(one) ? one : null;
}

export function DataSource({ schema, edit }: { schema: Schema; edit: Editing }) {
  const datasets = useDatasets();
  const source = onlySource(edit.data);
  const samples = schema.properties?.data?.properties?.sources?.items?.properties?.sample?.examples ?? [];
  const names = (datasets.data?.items ?? []).filter((one) => one.name).map((one) => ({ id: `${DATASET}${one.name}`, name: one.name, more: `${one.rows.toLocaleString("en")} rows`, digest: one.digest }));
  const options = [...names, ...samples.map((one) => ({ id: `${SAMPLE}${one}`, name: one, more: "sample", digest: "" }))];
  const named = source && (source.sample ? `${SAMPLE}${String(source.sample)}` : source.dataset ? `${DATASET}${names.find((one) => one.digest === source.dataset)?.name ?? String(source.dataset)}` : OTHER);
  const chosen = named ?? OTHER;
  if (!options.some((one) => one.id === chosen)) options.unshift({ id: chosen, name: said(edit.data), more: "as the YAML says", digest: "" });
  const fault = edit.problems.find((one) => one.key.startsWith("data.sources"))?.message;
  const choose = (id: string) => {
    if (id.startsWith(SAMPLE)) edit.put(["data", "sources"], [{ sample: id.slice(SAMPLE.length), license: SAMPLE_LICENCE }]);
    if (id.startsWith(DATASET)) edit.put(["data", "sources"], [{ dataset: id.slice(DATASET.length) }]);
  };
  return (
    <Select className="fieldrow" selectedKey={chosen} onSelectionChange={(key) => choose(String(key))} isDisabled={edit.broken} isInvalid={Boolean(fault)}>
      <Label>Data</Label>
      <Button className="btn selbtn">
        <SelectValue />
        <ChevronDown size={16} aria-hidden />
      </Button>
      {fault && <span className="fault">{fault}</span>}
      <Popover className="pop tall">
        <ListBox items={options}>
          {(one) => (
            <ListBoxItem id={one.id} className="opt" textValue={one.name}>
              <span className="clip">{one.name}</span> <span className="muted sm">{one.more}</span>
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  );
}

function said(data: Editing["data"]): string {
  const sources = at(data, ["data", "sources"]);
  if (!Array.isArray(sources) || !sources.length) return "None yet";
  const source = onlySource(data);
  return source ? String(source.hub ?? source.path ?? source.dataset ?? source.sample ?? "A source") : `${sources.length} sources`;
}
