import { chromium } from "@playwright/test";
const base = process.argv[2] ?? "http://127.0.0.1:4173", out = process.argv[3] ?? "/tmp/s10/shots";
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
for (const theme of ["dark", "light"]) for (const width of [1440, 390]) {
  const context = await browser.newContext({ viewport: { width, height: 900 } });
  await context.addInitScript(`localStorage.theme='${theme}'`);
  const page = await context.newPage();
  page.on("pageerror", (e) => console.log("ERR", e.message));
  page.on("console", (m) => m.type() === "error" && console.log("CON", m.text()));
  await page.goto(base + "/");
  await page.getByLabel("Name").waitFor();
  if (width > 500) await page.screenshot({ path: `${out}/${theme}-${width}-login.png` });
  await page.getByLabel("Name").fill("admin");
  await page.getByLabel("Password").fill("a long enough one 7");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.waitForTimeout(6500);
  await page.screenshot({ path: `${out}/${theme}-${width}-overview.png`, fullPage: true });
  await page.goto(base + "/runs");
  await page.getByRole("table", { name: "Runs" }).waitFor();
  await page.waitForTimeout(600);
  await page.screenshot({ path: `${out}/${theme}-${width}-runs.png`, fullPage: true });
  await page.getByRole("row").nth(1).getByRole("link").click();
  await page.locator(".gates").waitFor();
  await page.waitForTimeout(1500);
  await page.screenshot({ path: `${out}/${theme}-${width}-run.png`, fullPage: true });
  if (width > 500 && theme === "dark") for (const tab of ["Reports", "Try it", "Logs", "Artifacts"]) {
    await page.getByRole("tab", { name: tab }).click();
    await page.waitForTimeout(900);
    await page.screenshot({ path: `${out}/${theme}-${width}-run-${tab.replace(" ", "")}.png`, fullPage: true });
  }
  console.log(theme, width, "hscroll", await page.evaluate("document.documentElement.scrollWidth-innerWidth"));
  await context.close();
}
await browser.close();
