// @vitest-environment jsdom
import { expect, test, vi } from "vitest";
import { refusal, type Schemas } from "../../api/client";
import { BY_LOOKING, type Upload } from "../../api/upload";
import { Uploads, type Means } from "./uploads";

const file = (name = "mails.csv", text = "text,label\na,b\n") => new File([text], name);
const upload = (more: Partial<Upload> = {}) => ({ id: "up_1", purpose: "dataset", name: "mails.csv", digest: "sha256:aa", size: 15, received: 0, state: "open", piece_bytes: 8, ...more }) as Upload;
const dataset = { id: "d_1", name: "mails.csv" } as Schemas["DatasetDetail"];

function means(more: Partial<Means> = {}): Means {
  return {
    digestOf: vi.fn(async () => "sha256:aa"),
    begin: vi.fn(async () => upload()),
    standing: vi.fn(async () => upload({ received: 8 })),
    send: vi.fn(async () => undefined),
    finish: vi.fn(async () => ({ ...upload({ state: "done" }), dataset })),
    abort: vi.fn(async () => undefined),
    ...more,
  };
}

test("a file goes up under its digest and becomes a dataset", async () => {
  const with_ = means();
  const all = new Uploads(with_);
  const made = vi.fn();
  all.onMade(made);
  all.license = "CC-BY-4.0";
  await all.take([file()]);
  expect(all.list[0]).toMatchObject({ state: "done", dataset });
  expect(with_.begin).toHaveBeenCalledWith(expect.any(File), "sha256:aa");
  expect(with_.finish).toHaveBeenCalledWith(expect.anything(), "CC-BY-4.0", BY_LOOKING, expect.anything());
  expect(made).toHaveBeenCalledWith(dataset);
});

test("after a reload the same file goes on where the server stands", async () => {
  const with_ = means();
  const all = new Uploads(with_);
  all.recall([upload({ received: 8 })]);
  expect(all.list[0]).toMatchObject({ state: "waiting", at: { sent: 8, size: 15 } });
  await all.take([file()]);
  expect(with_.begin).not.toHaveBeenCalled();
  expect(with_.send).toHaveBeenCalledWith(expect.objectContaining({ id: "up_1", received: 8 }), expect.any(File), expect.anything(), expect.anything());
  expect(all.list).toHaveLength(1);
  expect(all.list[0]?.state).toBe("done");
});

test("another file of the same name and size begins anew, and the one that waits goes on waiting", async () => {
  const with_ = means({ digestOf: vi.fn(async () => "sha256:bb"), begin: vi.fn(async () => upload({ id: "up_2", digest: "sha256:bb" })) });
  const all = new Uploads(with_);
  all.recall([upload({ received: 8 })]);
  await all.take([file()]);
  expect(with_.begin).toHaveBeenCalled();
  expect(all.list.map((one) => one.state)).toEqual(["done", "waiting"]);
});

test("what was shown before is not shown twice when the server lists it again", () => {
  const all = new Uploads(means());
  all.recall([upload()]);
  all.recall([upload(), upload({ id: "up_3", state: "done" })]);
  expect(all.list).toHaveLength(1);
});

test("a pause keeps what arrived, and going on asks where the server stands", async () => {
  let all!: Uploads;
  const send = vi
    .fn<Means["send"]>()
    .mockImplementationOnce(async (_upload, _file, moved, signal) => {
      moved({ sent: 8, size: 15, left: 1 });
      all.pause("f1");
      signal.throwIfAborted();
    })
    .mockResolvedValueOnce(undefined);
  const with_ = means({ send });
  all = new Uploads(with_);
  await all.take([file()]);
  expect(all.list[0]).toMatchObject({ state: "paused", at: { sent: 8 } });
  await all.go("f1");
  expect(with_.standing).toHaveBeenCalledWith("up_1");
  expect(with_.digestOf).toHaveBeenCalledTimes(1);
  expect(all.list[0]?.state).toBe("done");
});

test("rows that can't be read are told, and another way of reading is tried on what has arrived", async () => {
  const fault = refusal(422, { detail: "mails.csv:3: no", problems: [{ line: 3, column: 1, what: "no" }] });
  const finish = vi.fn<Means["finish"]>().mockRejectedValueOnce(fault).mockResolvedValueOnce({ ...upload({ state: "done" }), dataset });
  const with_ = means({ finish, standing: vi.fn(async () => upload({ received: 15 })) });
  const all = new Uploads(with_);
  await all.take([file()]);
  expect(all.list[0]).toMatchObject({ state: "failed", unread: true, error: fault });
  await all.go("f1", { ...BY_LOOKING, quoting: false });
  expect(with_.send).toHaveBeenCalledTimes(1);
  expect(finish).toHaveBeenLastCalledWith(expect.anything(), "", { ...BY_LOOKING, quoting: false }, expect.anything());
  expect(all.list[0]?.state).toBe("done");
});

test("cancelling takes it from the page and from the server", async () => {
  const with_ = means();
  const all = new Uploads(with_);
  all.recall([upload()]);
  await all.cancel("up_1");
  expect(all.list).toHaveLength(0);
  expect(with_.abort).toHaveBeenCalledWith(expect.objectContaining({ id: "up_1" }));
});
