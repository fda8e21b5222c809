// The one object of the page: the text of a recipe. The form reads its values from it and writes them into it.
import { useMemo } from "react";
import { drop, lineOf, pathOf, put, read, rename, written, type Path, type Plain } from "./yaml";
import type { Schemas } from "../../api/client";

export type Problem = Schemas["FaultOut"] & { fix?: { name: string; apply: () => void } };
export type Editing = {
  text: string;
  data: { [key: string]: Plain };
  /** Whether the text is no YAML, so that the form can't write into it. */
  broken: boolean;
  problems: Problem[];
  written: (path: Path) => string | undefined;
  put: (path: Path, value: Plain, as?: string) => void;
  drop: (path: Path) => void;
  set: (text: string) => void;
  faultOf: (key: string) => string;
};

/** Put the text, what the server said of it, and the ways to change it together. */
export function useEditing(text: string, set: (text: string) => void, told: Schemas["FaultOut"][]): Editing {
  const { data, fault } = useMemo(() => read(text), [text]);
  const problems = useMemo<Problem[]>(() => {
    if (fault) return [{ ...fault, key: "", about: "value", suggestion: "", message: `This is not YAML: ${fault.message}` }];
    return told.map((one) => {
      const path = pathOf(one.key);
      const line = one.line || (one.key ? lineOf(text, path) : 0);
      const better = one.suggestion && (one.about === "key" ? rename(text, path, one.suggestion) : put(text, path, one.suggestion));
      return better && better !== text ? { ...one, line, fix: { name: `Write ${one.suggestion}`, apply: () => set(better) } } : { ...one, line };
    });
  }, [text, told, fault, set]);
  return {
    text,
    data,
    broken: fault !== null,
    problems,
    written: (path) => written(text, path),
    put: (path, value, as) => set(put(text, path, value, as)),
    drop: (path) => set(drop(text, path)),
    set,
    faultOf: (key) => problems.find((one) => one.key === key)?.message ?? "",
  };
}
