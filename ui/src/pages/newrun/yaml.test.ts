import { describe, expect, it } from "vitest";
import { bounded, fieldAt, fieldsOf, nameOf, type Schema } from "./fields";
import { ownPath, tighten } from "./gates";
import { planOf, sets } from "./plan";
import { at, drop, lineOf, pathOf, put, read, rename, written } from "./yaml";

const TEXT = `# A recipe.
name: tickets
model:
  source: embedded:minilm   # ships with us

data:
  sources:
    - {sample: support_tickets, license: CC0-1.0}
  columns: {text: text, label: category}

adapter: {type: lora, r: 16}
train:
  learning_rate: 1.5e-3   # found by trying
  # two rounds are enough
  num_train_epochs: 2
evaluate:
  metrics:
    - accuracy
    - ece   # how sure it is
# the end
`;

describe("a value is changed where it stands", () => {
  it.each([
    [["train", "num_train_epochs"], 5, "  num_train_epochs: 2", "  num_train_epochs: 5"],
    [["model", "source"], "org/name", "source: embedded:minilm   # ships", "source: org/name   # ships"],
    [["adapter", "r"], 8, "{type: lora, r: 16}", "{type: lora, r: 8}"],
    [["adapter", "alpha"], 8, "{type: lora, r: 16}", "{type: lora, r: 16, alpha: 8}"],
    [["data", "sources", 0, "sample"], "other", "{sample: support_tickets,", "{sample: other,"],
    [["data", "columns", "label"], "a, b", "label: category}", 'label: "a, b"}'],
    [["evaluate", "metrics", 1], "macro_f1", "- ece   #", "- macro_f1   #"],
    [["train", "seed"], 7, "num_train_epochs: 2\n", "num_train_epochs: 2\n  seed: 7\n"],
    [["simulate", "seconds"], 3, "how sure it is\n", "how sure it is\nsimulate:\n  seconds: 3\n"],
    [["data", "sources"], [{ dataset: "mails" }], "sources:\n    - {sample: support_tickets, license: CC0-1.0}", "sources: [{dataset: mails}]"],
    [["evaluate", "metrics"], ["ece"], "metrics:\n    - accuracy\n    - ece", "metrics: [ece]"],
  ] as const)("%j = %j", (path, value, before, after) => {
    const changed = put(TEXT, [...path], value as never);
    expect(changed).toBe(TEXT.replace(before, after));
    expect(at(read(changed).data, [...path])).toEqual(value);
  });

  it("is written as it was typed", () => {
    const changed = put(TEXT, ["train", "learning_rate"], "2e-4", "2e-4");
    expect(changed).toContain("learning_rate: 2e-4   # found");
    expect(written(changed, ["train", "learning_rate"])).toBe("2e-4");
    expect(written(TEXT, ["train", "seed"])).toBeUndefined();
  });

  it("fills a key without a value, an empty text, and a block that was a word", () => {
    expect(put("train:\nname: x\n", ["train", "seed"], 7)).toBe("train: {seed: 7}\nname: x\n");
    expect(put("", ["train", "seed"], 7)).toBe("train:\n  seed: 7\n");
    expect(put("# only words\n", ["name"], "x")).toBe("# only words\nname: x\n");
    expect(put("title: |\n  two\n  lines\nname: x\n", ["title"], "one")).toBe("title: one\nname: x\n");
    expect(put("name: x", ["title"], "y: z")).toBe('name: x\ntitle: "y: z"');
  });

  it("leaves alone what can't be read and what leads nowhere", () => {
    expect(put("a: [", ["a"], 1)).toBe("a: [");
    expect(put(TEXT, ["data", "sources", 4, "sample"], "x")).toBe(TEXT);
    expect(drop(TEXT, ["train", "seed"])).toBe(TEXT);
    expect(rename(TEXT, ["train", "sed"], "seed")).toBe(TEXT);
  });
});

describe("a key is taken out", () => {
  it("with its line, with its comma, and with the block it leaves empty", () => {
    expect(drop(TEXT, ["train", "learning_rate"])).toBe(TEXT.replace("  learning_rate: 1.5e-3   # found by trying\n", ""));
    expect(drop(TEXT, ["adapter", "type"])).toBe(TEXT.replace("type: lora, ", ""));
    expect(drop(TEXT, ["adapter", "r"])).toBe(TEXT.replace(", r: 16", ""));
    expect(drop(TEXT, ["model", "source"])).toBe(TEXT.replace("model:\n  source: embedded:minilm   # ships with us\n", ""));
    expect(drop(TEXT, ["evaluate", "metrics"])).toBe(TEXT.replace(/evaluate:[^#]*# how sure it is\n/, ""));
  });

  it("and what was put is what is taken", () => {
    for (const path of [["train", "seed"], ["simulate", "seconds"], ["adapter", "alpha"]]) {
      expect(drop(put(TEXT, path, 3), path)).toBe(TEXT);
    }
  });
});

describe("mistakes have their place", () => {
  it("in what is no YAML, by line and column", () => {
    expect(read("name: x\ntrain: {seed: 1\n").fault?.line).toBeGreaterThan(1);
    expect(read("name: x\nname: y\n").fault?.line).toBe(2);
    expect(read(TEXT).fault).toBeNull();
  });

  it("by key, and by the block around a key that is missing", () => {
    expect(lineOf(TEXT, pathOf("train.num_train_epochs"))).toBe(15);
    expect(lineOf(TEXT, pathOf("train.seed"))).toBe(12);
    expect(lineOf(TEXT, pathOf("evaluate.metrics.1"))).toBe(19);
    expect(lineOf(TEXT, [])).toBe(1);
  });

  it("and a misspelt key gets its name", () => {
    const wrong = TEXT.replace("learning_rate", "learing_rate");
    expect(rename(wrong, pathOf("train.learing_rate"), "learning_rate")).toBe(TEXT);
  });
});

describe("how a run is begun", () => {
  const base = { recipe: "tickets", number: 0, text: TEXT };
  it("by changes, where changes can say it", () => {
    const text = put(put(TEXT, ["train", "seed"], 7), ["data", "sources"], [{ dataset: "mails" }]);
    expect(sets(TEXT, text)).toEqual(["data.sources=[{dataset: mails}]", "train.seed=7"]);
    expect(planOf(base, text, "")).toEqual({ recipe: "tickets", set: sets(TEXT, text), save: false, name: "tickets" });
    expect(planOf(base, `${TEXT}# a comment\n`, "")).toMatchObject({ set: [], save: false });
    expect(planOf(base, TEXT, "offline")).toMatchObject({ set: [], save: false });
  });

  it("as a recipe of its own otherwise", () => {
    for (const text of [drop(TEXT, ["adapter", "r"]), put(TEXT, ["name"], "mine"), put(TEXT, ["profiles", "fast", "train", "max_steps"], 3)]) {
      expect(sets(TEXT, text)).toBeNull();
      expect(planOf(base, text, "").save).toBe(true);
    }
    expect(planOf(base, put(TEXT, ["train", "seed"], 7), "offline").save).toBe(true);
    expect(planOf(null, TEXT, "")).toMatchObject({ save: true, name: "tickets" });
    expect(sets(TEXT, put(TEXT, ["data", "columns", "a.b"], "c"))).toBeNull();
  });
});

describe("gates", () => {
  it("are added, changed and taken away as lines of the recipe's own", () => {
    const one = tighten(TEXT, "evaluate", "ece", "<=", "0.05");
    expect(at(read(one).data, ["gates", "evaluate"])).toEqual([{ metric: "ece", at_most: 0.05 }]);
    const two = tighten(one, "evaluate", "accuracy", "gain >=", "0.01");
    expect(at(read(two).data, ["gates", "evaluate", 1])).toEqual({ metric: "accuracy", gain_over: "baseline", by: 0.01 });
    expect(at(read(tighten(two, "evaluate", "ece", "<=", "0.04")).data, ["gates", "evaluate", 0, "at_most"])).toBe(0.04);
    expect(tighten(tighten(two, "evaluate", "accuracy", "gain >=", null), "evaluate", "ece", "<=", null)).toBe(TEXT);
    expect(tighten(TEXT, "evaluate", "ece", "<=", null)).toBe(TEXT);
    expect(ownPath(read(two).data, "evaluate", "accuracy", "gain >=")).toEqual(["gates", "evaluate", 1, "by"]);
    expect(ownPath(read(two).data, "evaluate", "accuracy", ">=")).toBeNull();
  });
});

describe("fields of the schema", () => {
  const schema: Schema = {
    properties: {
      train: {
        type: "object",
        properties: {
          num_train_epochs: { type: "number", exclusiveMinimum: 0, default: 3, description: "Rounds." },
          seed: { type: "integer", minimum: 0, maximum: 9, default: 42 },
          max_steps: { type: ["integer", "null"], minimum: 1, default: null },
          save_every: { type: "object", properties: { steps: { type: "integer" } } },
          callbacks: { type: "array", items: { type: "string" }, default: [] },
          packing: { type: "boolean", default: false },
          precision: { enum: ["auto", null] },
          gates: { type: "object", additionalProperties: { type: "array" } },
        },
      },
    },
  };
  it("have names, help, defaults and sorts", () => {
    const fields = fieldsOf(schema, ["train"]);
    expect(fields.map((one) => one.sort)).toEqual(["number", "number", "number", "number", "list", "switch", "choice", "yaml"]);
    expect(fields[0]).toMatchObject({ name: "Train epochs", help: "Rounds.", placeholder: "3", key: "train.num_train_epochs" });
    expect(fields[3]!.path).toEqual(["train", "save_every", "steps"]);
    expect(fields[6]!.choices).toEqual(["auto"]);
    expect(nameOf("learning_rate")).toBe("Learning rate");
  });

  it("hold numbers to their bounds while they are typed", () => {
    const seed = fieldAt(schema, ["train", "seed"]);
    expect(["", "3", "1.5", "-1", "10", "x"].map((typed) => bounded(seed, typed))).toEqual(["", "", "This must be a whole number.", "At least 0.", "At most 9.", "This must be a number."]);
    expect(bounded(fieldAt(schema, ["train", "num_train_epochs"]), "0")).toBe("More than 0.");
  });
});
