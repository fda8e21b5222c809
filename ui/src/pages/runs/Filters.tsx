import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Button, Input, Label, ListBox, ListBoxItem, Popover, SearchField, Select, SelectValue } from "react-aria-components";
import { api, told } from "../../api/client";
import { useMay } from "../../api/session";
import { words } from "../../parts/say";
import { STATES, type Search } from "./search";

const WAIT_MS = 250;

export function Filters({ search, set }: { search: Search; set: (more: Search) => void }) {
  const may = useMay();
  const recipes = useQuery({
    queryKey: ["recipes"],
    queryFn: () => told(api.GET("/api/v1/recipes", { params: { query: { limit: 200 } } })),
    enabled: may("recipes.list"),
  });
  const kinds = [...new Set([...(recipes.data?.items ?? []).map((one) => one.kind), ...(search.kind ? [search.kind] : [])])].sort();
  return (
    <div className="filters" role="search" aria-label="Filter runs">
      <Text value={search.q ?? ""} set={(q) => set({ q })} />
      <Choice label="Status" all="Every status" chosen={search.state} options={STATES.map((state) => [state, words(state)])} set={(state) => set({ state })} />
      {kinds.length > 1 && <Choice label="Kind" all="Every kind" chosen={search.kind} options={kinds.map((kind) => [kind, kind])} set={(kind) => set({ kind })} />}
      <Choice label="Whose" all="Everybody's" chosen={search.owner} options={[["mine", "Mine"]]} set={(owner) => set({ owner })} />
      <Choice label="Order" all="Newest first" chosen={search.order} options={[["oldest", "Oldest first"]]} set={(order) => set({ order })} />
    </div>
  );
}

/** What is typed is asked for when the typing rests, so that not every letter is a request. */
function Text({ value, set }: { value: string; set: (value: string) => void }) {
  const [text, setText] = useState(value);
  const said = useRef(value);
  useEffect(() => {
    if (value === said.current) return;
    said.current = value;
    setText(value);
  }, [value]);
  const latest = useRef(set);
  latest.current = set;
  useEffect(() => {
    if (text === said.current) return;
    const timer = setTimeout(() => {
      said.current = text.trim();
      latest.current(said.current);
    }, WAIT_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <SearchField aria-label="Recipe or id" value={text} onChange={setText} className="search">
      <Input className="field" placeholder="Beginning of a recipe, or end of an id" data-filter />
    </SearchField>
  );
}

function Choice({ label, all, chosen, options, set }: { label: string; all: string; chosen?: string; options: [string, string][]; set: (value: string) => void }) {
  return (
    <Select aria-label={label} selectedKey={chosen ?? ""} onSelectionChange={(key) => set(String(key))}>
      <Label className="sr">{label}</Label>
      <Button className="btn selbtn">
        <SelectValue />
      </Button>
      <Popover className="pop">
        <ListBox>
          {[["", all] as [string, string], ...options].map(([id, name]) => (
            <ListBoxItem key={id} id={id} className="opt" textValue={name}>
              {name}
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </Select>
  );
}
