import { expect, test } from "vitest";
import { pageAt } from "./pages";

test("an address has the page that is shown there, and no other", () => {
  expect(pageAt("/")?.name).toBe("Overview");
  expect(pageAt("/runs")?.name).toBe("Runs");
  expect(pageAt("/runs/new")?.name).toBe("New run");
  expect(pageAt("/runs/r_01M8BNE1VGKM3QYQSJR9C8VZBK")?.name).toBe("Run");
  expect(pageAt("/runs/r_1/more")).toBeUndefined();
  expect(pageAt("/nowhere")).toBeUndefined();
});
