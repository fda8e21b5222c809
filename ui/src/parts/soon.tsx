// Code that is loaded when it is needed. React shows what stands in for it for at least 300 ms, once it has shown it; so
// what is loaded already is shown at once.
import { createElement, lazy, useState, type ComponentType, type ReactNode } from "react";

/** ready: more that a module wants to be there before it is shown. */
type Module<P> = { default: ComponentType<P>; ready?: Promise<unknown> };
export type Soon<P> = { load: () => Promise<unknown>; view: (given: P) => ReactNode };

export function soon<P extends object>(find: () => Promise<Module<P>>): Soon<P> {
  let there: ComponentType<P> | undefined;
  const load = async (): Promise<Module<P>> => {
    const module = await find();
    await module.ready;
    there = module.default;
    return module;
  };
  const Later = lazy(load) as unknown as ComponentType<P>;
  return {
    load,
    view: function Soon(given: P) {
      const [View] = useState<ComponentType<P>>(() => there ?? Later); // for as long as it is shown: another would begin anew
      return createElement(View, given);
    },
  };
}
