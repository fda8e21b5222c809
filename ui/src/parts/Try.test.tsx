// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { api } from "../api/client";
import { percent } from "./say";
import { Try } from "./Try";

const KINDS = {
  items: [
    { name: "language", tasks: { classify: { predict_in: { takes: "text" } } } },
    { name: "tts", tasks: { speak: { predict_in: { takes: "speech" } } } },
    { name: "vision", tasks: { detect: { predict_in: { takes: "file", medium: "image" } } } },
  ],
};

function show(task: string, kind = "language") {
  vi.spyOn(api, "GET").mockResolvedValue({ data: KINDS, response: new Response() } as never);
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Try name="tickets" kind={kind} task={task} />
    </QueryClientProvider>,
  );
}

async function answered(text: string, answer: unknown) {
  vi.spyOn(api, "POST").mockResolvedValue({ data: { answers: [answer] }, response: new Response() } as never);
  show("classify");
  await userEvent.type(await screen.findByRole("textbox", { name: "Text" }), text);
  await userEvent.click(screen.getByRole("button", { name: "Ask" }));
  return (await screen.findAllByRole("listitem"))[0]!;
}

describe("what a deployment answers", () => {
  beforeEach(() => {
    vi.restoreAllMocks();
  });

  it("is a label with the five likeliest, in percent", async () => {
    const probabilities = { late: 0.9925, praise: 0.0072, payment: 3.13e-5, a: 1e-6, b: 1e-6, c: 1e-7 };
    const shown = await answered("Where?", { label: "late", probabilities });
    expect(shown.querySelectorAll(".bars li")).toHaveLength(5);
    expect(shown).toHaveTextContent("99.3 %");
    expect(shown).toHaveTextContent("<0.1 %");
    expect(shown).not.toHaveTextContent("e-");
  });

  it("is asked of a voice where one is named, and of the first one otherwise", async () => {
    const asked = vi.spyOn(api, "POST").mockResolvedValue({ data: { answers: [{ text: "heard" }] }, response: new Response() } as never);
    show("speak", "tts");
    await userEvent.type(await screen.findByRole("textbox", { name: "Text" }), "seven");
    await userEvent.click(screen.getByRole("button", { name: "Ask" }));
    await userEvent.type(screen.getByRole("textbox", { name: "Voice" }), "theo");
    await userEvent.click(await screen.findByRole("button", { name: "Ask" }));
    await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(2));
    expect((asked.mock.calls as unknown as [string, { body: unknown }][]).map(([, sent]) => sent.body)).toEqual([{ inputs: ["seven"] }, { inputs: [{ text: "seven", voice: "theo" }] }]);
  });

  it("marks spans where they are, after letters of two units too", async () => {
    const spans = [
      { text: "Ana", label: "person", start: 2, end: 5, score: 0.981 },
      { text: "Rome", label: "place", start: 15, end: 19, score: 1 },
    ];
    const shown = await answered("🙂 Ana lives in Rome now", { spans, tokens: [], tags: [] });
    expect([...shown.querySelectorAll("mark")].map((one) => one.textContent)).toEqual(["Anaperson 98.1 %", "Romeplace 100.0 %"]);
    expect(shown).toHaveTextContent(/lives in.*now$/);
  });

  it("says that a text has no spans", async () => {
    expect(await answered("Nothing", { spans: [], tokens: ["Nothing"], tags: ["O"] })).toHaveTextContent("Nothing was found");
  });

  it("sets a vector against those of the texts asked before", async () => {
    const shown = await answered("late parcel", { vector: [1, 0], tokens: 3, cuts: [] });
    expect(shown).toHaveTextContent("A vector of 2 numbers. Ask about another text");
    vi.spyOn(api, "POST").mockResolvedValue({ data: { answers: [{ vector: [3, 4], tokens: 3, cuts: [] }] }, response: new Response() } as never);
    await userEvent.clear(screen.getByRole("textbox", { name: "Text" }));
    await userEvent.type(screen.getByRole("textbox", { name: "Text" }), "lost box");
    await userEvent.click(screen.getByRole("button", { name: "Ask" }));
    expect(await screen.findByText("0.600")).toBeVisible();
    expect(screen.getByRole("progressbar", { name: "How near: late parcel" })).toBeVisible();
  });

  it("is what was said, and when where there are several parts", async () => {
    const segments = [
      { start: 0.24, end: 3.5, text: "one two" },
      { start: 61.04, end: 62, text: "three" },
    ];
    const shown = await answered("Hello", { text: "one two three", seconds: 63, segments });
    expect(shown).toHaveTextContent("one two three");
    expect([...shown.querySelectorAll(".times li")].map((one) => one.textContent)).toEqual(["0:00.2 to 0:03.5one two", "1:01.0 to 1:02.0three"]);
  });

  it("says that nothing was heard", async () => {
    expect(await answered("Hello", { text: "", seconds: 1, segments: [] })).toHaveTextContent("Nothing was heard");
  });

  it("is speech to listen to and to keep", async () => {
    const made = vi.fn((blob: Blob) => `blob:${blob.size}`);
    vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: made, revokeObjectURL: vi.fn() }));
    const shown = await answered("Hello", { file: `data:;base64,${btoa("RIFF")}`, seconds: 1.5, text: "hello", dropped: 1, finish_reason: "length" });
    const player = shown.querySelector("audio")!;
    expect(player).toHaveAttribute("src", "blob:4");
    expect(player).toHaveAccessibleName("Speech: Hello");
    expect(screen.getByRole("link", { name: "Download" })).toHaveAttribute("download", "speech.wav");
    expect(shown).toHaveTextContent("1.50 s, synthetic.");
    expect(shown).toHaveTextContent("cut off");
    expect(shown).toHaveTextContent("1 character can't be spoken");
  });

  it("is the text that was written", async () => {
    expect(await answered("Hello", { text: "Good day" })).toHaveTextContent("Good day");
  });
});

describe("a policy", () => {
  beforeEach(() => {
    vi.restoreAllMocks();
  });

  it("is asked about numbers and answers with an action", async () => {
    const card = { items: [{ name: "rl", tasks: { act: { predict_in: { takes: "numbers", example: "[0, 0]" } } } }] };
    vi.spyOn(api, "GET").mockResolvedValue({ data: card, response: new Response() } as never);
    const sent = vi.spyOn(api, "POST").mockResolvedValue({ data: { answers: [{ action: 1, probabilities: { "0": 0.25, "1": 0.75 } }] }, response: new Response() } as never);
    render(
      <QueryClientProvider client={new QueryClient()}>
        <Try name="pole" kind="rl" task="act" />
      </QueryClientProvider>,
    );
    expect(await screen.findByRole("textbox", { name: "Observation" })).toHaveValue("[0, 0]");
    await userEvent.click(screen.getByRole("button", { name: "Ask" }));
    const shown = (await screen.findAllByRole("listitem"))[0]!;
    expect(shown).toHaveTextContent("Action 1");
    expect(shown).toHaveTextContent("75.0 %");
    expect(sent.mock.calls[0]![1]).toMatchObject({ body: { inputs: [[0, 0]] } });
    await userEvent.clear(screen.getByRole("textbox"));
    await userEvent.type(screen.getByRole("textbox"), "left");
    await userEvent.click(screen.getByRole("button", { name: "Ask" }));
    expect(await screen.findByText(/These are no numbers/)).toBeVisible();
  });
});

describe("percent", () => {
  it("never rounds to certain or impossible", () => {
    expect([0, 0.0004, 0.5, 0.9996, 1].map(percent)).toEqual(["0.0 %", "<0.1 %", "50.0 %", ">99.9 %", "100.0 %"]);
  });

  it("is a picture with the boxes where they are, and a list of them", async () => {
    URL.createObjectURL = vi.fn(() => "blob:one");
    URL.revokeObjectURL = vi.fn();
    const boxes = [{ label: "ring", score: 0.91, box: [10, 20, 30, 40] }];
    vi.spyOn(api, "POST").mockResolvedValue({ data: { answers: [{ boxes }] }, response: new Response() } as never);
    show("detect", "vision");
    await screen.findByRole("button", { name: "Choose an image" });
    await userEvent.upload(document.querySelector<HTMLInputElement>("input[type=file]")!, new File(["x"], "a.png", { type: "image/png" }));
    const shown = await screen.findByRole("img", { name: "a.png: ring" });
    Object.defineProperty(shown, "naturalWidth", { value: 100 });
    Object.defineProperty(shown, "naturalHeight", { value: 80 });
    fireEvent.load(shown);
    expect(document.querySelector("svg[viewBox='0 0 100 80'] rect:not(.under)")).toHaveAttribute("width", "30");
    expect(screen.getByText(/30 × 40 at 10, 20/)).toBeInTheDocument();
  });

  it("says that a picture has nothing on it", async () => {
    URL.createObjectURL = vi.fn(() => "blob:one");
    URL.revokeObjectURL = vi.fn();
    vi.spyOn(api, "POST").mockResolvedValue({ data: { answers: [{ boxes: [] }] }, response: new Response() } as never);
    show("detect", "vision");
    await screen.findByRole("button", { name: "Choose an image" });
    await userEvent.upload(document.querySelector<HTMLInputElement>("input[type=file]")!, new File(["x"], "a.png", { type: "image/png" }));
    expect(await screen.findByText("Nothing was found on this picture.")).toBeInTheDocument();
  });
});
