// What a new run begins with: a recipe of the catalogue, a template, or a run that was.
import { useQuery } from "@tanstack/react-query";
import { api, Refused, told } from "../../api/client";
import type { Base } from "./plan";
import { put, type Plain } from "./yaml";

export type Search = { recipe?: string; template?: string; from?: string; dataset?: string };
export type Beginning = { text: string; base: Base | null; said: string };
export const USUAL = "quickstart";

export function useBeginning(search: Search) {
  return useQuery({ queryKey: ["beginning", search], queryFn: async () => on(await begin(search), search.dataset), staleTime: Infinity });
}

/** A key for what belongs to one beginning. */
export const keyOf = ({ recipe, template, from, dataset }: Search): string =>
  (from ? `from ${from}` : template ? `template ${template}` : `recipe ${recipe ?? USUAL}`) + (dataset ? ` on ${dataset}` : "");

/** Let a beginning train on a dataset of the home. */
function on(beginning: Beginning, dataset?: string): Beginning {
  if (!dataset) return beginning;
  return { ...beginning, text: put(beginning.text, ["data", "sources"], [{ dataset }]), said: `${beginning.said}, on the dataset ${dataset}` };
}

async function begin({ recipe = USUAL, template, from }: Search): Promise<Beginning> {
  if (from) return fork(from);
  if (template) {
    const found = await told(api.GET("/api/v1/templates/{template}", { params: { path: { template } } }));
    return { text: found.recipe_text, base: { template, text: found.recipe_text }, said: `the template ${found.name}` };
  }
  const base = await catalogued(recipe);
  return { text: base.text, base, said: `the recipe ${recipe}` };
}

async function catalogued(name: string): Promise<Base & { recipe: string }> {
  const found = await told(api.GET("/api/v1/recipes/{name}", { params: { path: { name } } }));
  return { recipe: name, number: found.number, text: found.text };
}

/** A run's text with what was changed for it; where that text is gone, every key that the run used. */
async function fork(run: string): Promise<Beginning> {
  const found = await told(api.GET("/api/v1/runs/{run}/recipe", { params: { path: { run } } }));
  const text = found.written ? found.changes.reduce((before, one) => put(before, one.path, one.value as Plain), found.written) : found.text;
  const name = String(found.recipe.name);
  try {
    return { text, base: await catalogued(name), said: `the run ${run}` };
  } catch (refused) {
    if (refused instanceof Refused && refused.problem.status < 500) return { text, base: null, said: `the run ${run}` };
    throw refused;
  }
}
