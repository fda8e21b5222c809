// @vitest-environment jsdom
import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { useNow } from "./now";

describe("the time", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("goes on for all who ask, by one timer that ends with the last of them", () => {
    const first = renderHook(() => useNow(7));
    const second = renderHook(() => useNow(7));
    expect(vi.getTimerCount()).toBe(1);
    act(() => void vi.advanceTimersByTime(7_000));
    expect([first.result.current, second.result.current]).toEqual([1_007_000, 1_007_000]);
    first.unmount();
    expect(vi.getTimerCount()).toBe(1);
    second.unmount();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is right for one who comes after a while of nobody asking", () => {
    renderHook(() => useNow(9)).unmount();
    vi.advanceTimersByTime(60_000);
    expect(renderHook(() => useNow(9)).result.current).toBe(1_060_000);
  });
});
