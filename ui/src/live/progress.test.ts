// @vitest-environment jsdom
import { renderHook } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Schemas } from "../api/client";
import { note, secondsLeft, useProgress } from "./progress";

const told = (id: string, stage: string, done: number, total = 100): Schemas["RunChanged"] => ({
  type: "run",
  topic: "runs",
  seq: 1,
  id,
  recipe: "toy",
  state: "running",
  flag: "In Progress",
  stage,
  progress: { done, total, what: "steps" },
  version: 1,
  deleted: false,
});
const seen = (id: string) => renderHook(() => useProgress(id)).result.current;

describe("progress", () => {
  it("the rest takes as long as the pace says", () => {
    note(told("a", "train", 10), 0);
    expect(secondsLeft(seen("a")!)).toBeNull();
    note(told("a", "train", 30), 10_000);
    expect(secondsLeft(seen("a")!)).toBe(35);
  });

  it("another stage begins anew", () => {
    note(told("b", "train", 10), 0);
    note(told("b", "train", 90), 10_000);
    note(told("b", "evaluate", 5), 20_000);
    expect(secondsLeft(seen("b")!)).toBeNull();
  });

  it("what counts nothing any more is forgotten", () => {
    note(told("c", "train", 10), 0);
    note({ ...told("c", "train", 10), progress: null }, 1);
    expect(seen("c")).toBeUndefined();
  });

  it("nobody knows how long what has no end takes", () => {
    note(told("d", "data", 10, 0), 0);
    note(told("d", "data", 50, 0), 10_000);
    expect(secondsLeft(seen("d")!)).toBeNull();
  });
});
