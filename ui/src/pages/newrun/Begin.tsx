// What to begin with, and which of its profiles to lay over it.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ChevronDown } from "lucide-react";
import { Button, Header, Label, ListBox, ListBoxItem, ListBoxSection, Popover, Select, SelectValue } from "react-aria-components";
import { api, told } from "../../api/client";
import { useMay } from "../../api/session";
import { USUAL, type Search } from "./beginning";
import type { Editing } from "./editing";

export function Begin({ search }: { search: Search }) {
  const may = useMay();
  const go = useNavigate();
  const recipes = useQuery({ queryKey: ["recipes"], queryFn: () => told(api.GET("/api/v1/recipes", { params: { query: { limit: 200 } } })) });
  const templates = useQuery({
    queryKey: ["templates", "all"],
    enabled: may("templates.list"),
    queryFn: () => told(api.GET("/api/v1/templates", { params: { query: { limit: 200 } } })),
  });
  const chosen = search.from ? `from ${search.from}` : search.template ? `template ${search.template}` : `recipe ${search.recipe ?? USUAL}`;
  const choose = (key: string) => {
    const [what = "", name] = key.split(" ");
    void go({ to: "/runs/new" as never, search: { [what]: name } as never });
  };
  const option = (id: string, name: string, more: string) => (
    <ListBoxItem key={id} id={id} className="opt" textValue={name}>
      <span className="clip">{name}</span> <span className="muted sm">{more}</span>
    </ListBoxItem>
  );
  return (
    <Select className="fieldrow" selectedKey={chosen} onSelectionChange={(key) => choose(String(key))}>
      <Label>Begin with</Label>
      <Button className="btn selbtn">
        <SelectValue />
        <ChevronDown size={16} aria-hidden />
      </Button>
      <Popover className="pop tall">
        <ListBox>
          {search.from && option(chosen, `Run ${search.from.slice(-8)}`, "as it ran")}
          {Boolean(templates.data?.items.length) && (
            <ListBoxSection>
              <Header className="cap spaced">Templates</Header>
              {templates.data!.items.map((one) => option(`template ${one.id}`, one.name, one.source))}
            </ListBoxSection>
          )}
          <ListBoxSection>
            <Header className="cap spaced">Recipes</Header>
            {(recipes.data?.items ?? []).map((one) => option(`recipe ${one.name}`, one.title || one.name, `${one.kind} · ${one.task}`))}
          </ListBoxSection>
        </ListBox>
      </Popover>
    </Select>
  );
}

export function Profile({ data, profile, set }: { data: Editing["data"]; profile: string; set: (name: string) => void }) {
  const profiles = data.profiles;
  const names = typeof profiles === "object" && profiles !== null && !Array.isArray(profiles) ? Object.keys(profiles) : [];
  if (!names.length) return null;
  return (
    <Select className="fieldrow" selectedKey={profile} onSelectionChange={(key) => set(String(key))}>
      <Label>Profile</Label>
      <Button className="btn selbtn">
        <SelectValue />
        <ChevronDown size={16} aria-hidden />
      </Button>
      <Popover className="pop">
        <ListBox>
          {["", ...names].map((name) => (
            <ListBoxItem key={name} id={name} className="opt" textValue={name || "None"}>
              {name || "None"}
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </Select>
  );
}
