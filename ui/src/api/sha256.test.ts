// @vitest-environment node
import { expect, test } from "vitest";
import { Sha256 } from "./sha256";

const known = async (data: Uint8Array<ArrayBuffer>) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", data))].map((one) => one.toString(16).padStart(2, "0")).join("");
const bytes = (size: number) => Uint8Array.from({ length: size }, (_, place) => (place * 31 + size) % 256);

test("every length about a block has the digest that the platform gives", async () => {
  for (const size of [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000]) {
    const hash = new Sha256();
    hash.update(bytes(size));
    expect(hash.hex()).toBe(await known(bytes(size)));
  }
});

test("in which pieces the bytes come makes no difference", async () => {
  const all = bytes(5000);
  for (const piece of [1, 7, 64, 100, 4999]) {
    const hash = new Sha256();
    for (let at = 0; at < all.length; at += piece) hash.update(all.subarray(at, at + piece));
    expect(hash.hex()).toBe(await known(all));
  }
});
