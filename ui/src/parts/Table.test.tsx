// @vitest-environment jsdom
import { act, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { setKeysOn } from "../shell/keys";
import { Table } from "./Table";

const ROWS = Array.from({ length: 10_000 }, (_, place) => ({ id: `r_${place}` }));
const opened = vi.fn();
const taken = vi.fn(() => true);

function Page() {
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const choose = (id: string) => setChosen((before) => new Set(before.has(id) ? [...before].filter((one) => one !== id) : [...before, id]));
  return (
    <main>
      <input aria-label="Filter" />
      <Table label="Runs" rows={ROWS} id={(row) => row.id} columns={[{ id: "id", name: "Run", width: "1fr", cell: (row) => row.id }]} open={opened} chosen={chosen} choose={choose} onKey={taken} />
    </main>
  );
}

const focused = () => document.activeElement?.getAttribute("data-place");

describe("a long table", () => {
  beforeEach(() => {
    setKeysOn(true);
    opened.mockClear();
    taken.mockClear();
    // jsdom lays nothing out: a box of 640 px, as a screen would give.
    vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(640);
    vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(800);
    vi.stubGlobal(
      "ResizeObserver",
      class {
        observe = vi.fn();
        unobserve = vi.fn();
        disconnect = vi.fn();
      },
    );
    HTMLElement.prototype.scrollTo = () => {};
  });

  it("keeps few of its rows in the document, and says how many there are", () => {
    render(<Page />);
    expect(screen.getAllByRole("row").length).toBeGreaterThan(10);
    expect(screen.getAllByRole("row").length).toBeLessThanOrEqual(80);
    expect(screen.getByRole("grid")).toHaveAttribute("aria-rowcount", "10001");
  });

  it("j begins in it from anywhere, j and k move, x selects, Enter opens, other keys are the page's", async () => {
    const user = userEvent.setup();
    render(<Page />);
    await user.keyboard("jjjk");
    expect(focused()).toBe("1");
    await user.keyboard("x");
    expect(screen.getByRole("checkbox", { name: "Select r_1" })).toBeChecked();
    await user.keyboard("{Enter}");
    expect(opened).toHaveBeenCalledWith(ROWS[1]);
    await user.keyboard("c");
    expect(taken).toHaveBeenCalledWith("c", ROWS[1]);
  });

  it("letters do nothing while one types, or when they are switched off; arrows move still", async () => {
    const user = userEvent.setup();
    render(<Page />);
    await user.type(screen.getByLabelText("Filter"), "jx");
    expect(screen.getByLabelText("Filter")).toHaveFocus();
    act(() => screen.getAllByRole("row")[1]!.focus());
    setKeysOn(false);
    await user.keyboard("jx{ArrowDown}");
    expect(focused()).toBe("1");
    expect(screen.queryByRole("checkbox", { checked: true })).toBeNull();
  });
});
