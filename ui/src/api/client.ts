// Every call to the server. Cookies carry the sign-in; an access cookie that has run out is renewed once, then asked again.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Problem = { status: number; error: string; detail: string; remedy: string; problems: Where[] };
export type Where = { file?: string; line?: number; column?: number; where?: string; what: string };

/** What the server refused, in its own words. */
export class Refused extends Error {
  problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** The server can't be reached, or is starting. */
export class Away extends Error {}

type Listener = () => void;
const signedOut = new Set<Listener>();
let renewing: Promise<boolean> | null = null;

/** Hear when the sign-in has ended for good. */
export function onSignedOut(listener: Listener): () => void {
  signedOut.add(listener);
  return () => signedOut.delete(listener);
}

/** Exchange the refresh cookie; all who ask at the same time share one exchange, because a token is good once. */
export function renew(): Promise<boolean> {
  renewing ??= fetch("/api/v1/sessions/refresh", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  })
    .then((answer) => answer.ok)
    .catch(() => false)
    .finally(() => {
      renewing = null;
    });
  return renewing;
}

const again: Middleware = {
  async onRequest({ request }) {
    // A body can be read once; the copy is for asking again.
    copies.set(request, request.clone());
    return request;
  },
  async onResponse({ request, response }) {
    const copy = copies.get(request);
    if (response.status !== 401 || !copy || new URL(request.url).pathname.startsWith("/api/v1/sessions")) return response;
    if (await renew()) return fetch(copy);
    for (const tell of signedOut) tell();
    return response;
  },
};
const copies = new WeakMap<Request, Request>();

export const api = createClient<paths>({ baseUrl: location.origin, credentials: "same-origin" });
api.use(again);

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** Return what a call answered; throws `Refused` with the server's words, or `Away`. */
export async function told<T>(asked: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await asked;
  } catch {
    throw new Away("The server can't be reached.");
  }
  if (answer.error !== undefined || !answer.response.ok) throw refusal(answer.response.status, answer.error);
  return answer.data as T;
}

/** Return a refusal from a problem document, or from whatever came in its place. */
export function refusal(status: number, said: unknown): Refused {
  const known = (typeof said === "object" && said !== null ? said : {}) as Partial<Problem>;
  return new Refused({
    status,
    error: known.error ?? "",
    detail: known.detail ?? `The server answered ${status}.`,
    remedy: known.remedy ?? "",
    problems: known.problems ?? [],
  });
}
