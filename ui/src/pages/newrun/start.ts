// Queue the run: save its recipe first where changes can't say it; asked twice, it is one run.
import { api, told, type Schemas } from "../../api/client";
import type { Base, Plan } from "./plan";

export type Asked = { plan: Plan; base: Base | null; text: string; profile: string; key: string };

export async function start({ plan, base, text, profile, key }: Asked): Promise<Schemas["RunOut"]> {
  const body = { set: plan.set, priority: 0, ...(profile ? { profile } : {}) };
  if (!plan.save) return queue({ ...body, ...(plan.template ? { template: plan.template } : { recipe: plan.recipe }) }, key);
  // The version that one began with is told only where the recipe is the same one, so that nobody's newer one is lost.
  const after = base?.recipe === plan.name && base.number ? base.number : undefined;
  const saved = await told(api.POST("/api/v1/recipes", { body: { text, after }, params: { header: { "Idempotency-Key": `${key}-recipe` } } }));
  return queue({ ...body, recipe: saved.name }, key);
}

function queue(body: Schemas["NewRun"], key: string): Promise<Schemas["RunOut"]> {
  return told(api.POST("/api/v1/runs", { body, params: { header: { "Idempotency-Key": key } } }));
}

/** A key that no other request has; also where the page is not served over TLS. */
export const newKey = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
