// The catalogue: what can be trained as it comes, by category; each can be read and started.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Play, ScrollText } from "lucide-react";
import { lazy, Suspense } from "react";
import { Button, Input, SearchField } from "react-aria-components";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { Card } from "../parts/Card";
import { Pill } from "../parts/Pill";
import { Empty, Of, Waiting } from "../parts/Wait";

const Code = lazy(() => import("../parts/Code"));
type Search = { name?: string; q?: string };

export default function Recipes() {
  const search = useSearch({ strict: false }) as Search;
  const go = useNavigate();
  const list = useQuery({ queryKey: ["recipes"], queryFn: () => told(api.GET("/api/v1/recipes", { params: { query: { limit: 200 } } })) });
  const set = (more: Search) => void go({ to: "/recipes" as never, search: Object.fromEntries(Object.entries({ ...search, ...more }).filter(([, value]) => value)) as never, replace: true });
  const fits = (one: Schemas["RecipeOut"]) => `${one.name} ${one.title} ${one.kind} ${one.task} ${one.category}`.toLowerCase().includes((search.q ?? "").toLowerCase());
  return (
    <>
      <div className="runhead">
        <h1>Recipes</h1>
      </div>
      <div className="filters" role="search" aria-label="Filter recipes">
        <SearchField aria-label="Search recipes" value={search.q ?? ""} onChange={(q) => set({ q })}>
          <Input className="field" placeholder="Name, kind, task or category" data-filter />
        </SearchField>
      </div>
      <Of query={list} rows={6}>
        {(found) => {
          const items = found.items.filter(fits);
          const chosen = items.find((one) => one.name === search.name) ?? items[0];
          const categories = [...new Set(items.map((one) => one.category || "other"))].sort();
          return chosen ? (
            <div className="grid flush">
              <Card title="Catalogue" icon={ScrollText} className="c5">
                {categories.map((category) => (
                  <div key={category} role="group" aria-label={category}>
                    <div className="cap spaced">{category}</div>
                    <ul className="choices">
                      {items
                        .filter((one) => (one.category || "other") === category)
                        .map((one) => (
                          <li key={one.name}>
                            <Button className="choice" aria-current={one.name === chosen.name || undefined} onPress={() => set({ name: one.name })}>
                              <span className="two">
                                <b>{one.title || one.name}</b>
                                <span className="muted mono sm">{one.name}</span>
                              </span>
                              <Pill tone="idle">
                                {one.kind} · {one.task}
                              </Pill>
                            </Button>
                          </li>
                        ))}
                    </ul>
                  </div>
                ))}
              </Card>
              <One key={chosen.name} name={chosen.name} />
            </div>
          ) : (
            <Empty icon={ScrollText} title="No recipe matches">
              <Button className="btn" onPress={() => set({ q: "" })}>
                Show all
              </Button>
            </Empty>
          );
        }}
      </Of>
    </>
  );
}

function One({ name }: { name: string }) {
  const may = useMay();
  const recipe = useQuery({ queryKey: ["recipe", name], queryFn: () => told(api.GET("/api/v1/recipes/{name}", { params: { path: { name } } })) });
  return (
    <Of query={recipe} rows={8}>
      {(found) => (
        <Card
          title={found.title || found.name}
          className="c7"
          aside={
            may("runs.create") && (
              <Link className="btn primary" to={"/runs/new" as never} search={{ recipe: found.name } as never}>
                <Play size={16} aria-hidden />
                Use it
              </Link>
            )
          }
        >
          <Suspense fallback={<Waiting rows={8} />}>
            <div className="recipe-text">
              <Code text={found.text} label={`Recipe ${found.name}, YAML`} />
            </div>
          </Suspense>
        </Card>
      )}
    </Of>
  );
}
