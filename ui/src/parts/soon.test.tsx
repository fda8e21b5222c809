// @vitest-environment jsdom
import { render, screen } from "@testing-library/react";
import { Suspense, type ReactNode } from "react";
import { describe, expect, it } from "vitest";
import { soon } from "./soon";

const Hello = ({ name }: { name: string }) => <p>Hello {name}</p>;
const show = (View: (given: { name: string }) => ReactNode) =>
  render(
    <Suspense fallback={<p>Waits</p>}>
      <View name="Ada" />
    </Suspense>,
  );

describe("code that comes soon", () => {
  it("is shown at once where it is there already", async () => {
    const { load, view } = soon(() => Promise.resolve({ default: Hello }));
    await load();
    show(view);
    expect(screen.getByText("Hello Ada")).toBeVisible();
  });

  it("is waited for where it is not, with what it wants to be there", async () => {
    let done: (value: unknown) => void = () => undefined;
    const ready = new Promise((resolve) => (done = resolve));
    const { view } = soon(() => Promise.resolve({ default: Hello, ready }));
    show(view);
    expect(screen.getByText("Waits")).toBeVisible();
    expect(screen.queryByText("Hello Ada")).toBeNull();
    done(undefined);
    expect(await screen.findByText("Hello Ada")).toBeVisible();
  });
});
