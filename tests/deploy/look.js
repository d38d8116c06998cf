// Looks at the status page as people do: `node look.js URL TOKEN FOLDER SESSION`. Prints one JSON object with what was seen, and
// leaves screenshots in the folder.

import path from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(fileURLToPath(new URL("../../build/peers/", import.meta.url)));
const { chromium } = require("playwright-core");
const RUN = fileURLToPath(new URL("../e2e/peers/chromium/run-chromium", import.meta.url));
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const [url, token, folder, session] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath: RUN, headless: true, args: FLAGS,
  env: { ...process.env, HOME: folder } });
const seen = { faults: [], requests: [], views: {} };

async function open(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("pageerror", (error) => seen.faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && !message.text().includes("401") && seen.faults.push(message.text()));
  page.on("request", (request) => seen.requests.push(request.url()));
  await page.goto(url);
  return page;
}

async function login(page, text) {
  await page.waitForSelector("#login:not([hidden])");
  await page.keyboard.type(text); // the field has the focus
  await page.keyboard.press("Enter");
}

async function look(name, options) {
  const page = await open(options);
  await login(page, token);
  await page.waitForSelector("#data:not([hidden])");
  await page.waitForFunction((id) => document.getElementById("timeline").textContent.includes(id), session.slice(0, 8));
  seen.views[name] = await page.evaluate(() => ({
    state: document.getElementById("state").textContent,
    figures: document.getElementById("figures").textContent,
    recovering: document.getElementById("recovering").textContent,
    timeline: document.getElementById("timeline").textContent,
    causes: document.getElementById("causes").textContent,
    syncshells: document.getElementById("syncshells").textContent,
    hour: document.getElementById("hour-text").textContent,
    bars: document.querySelectorAll("#outcomes rect").length,
    overflows: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    background: getComputedStyle(document.body).backgroundColor,
    color: getComputedStyle(document.body).color,
    unnamed: [...document.querySelectorAll("button, input, [role=region], svg[role=img]")]
      .filter((e) => !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length ||
        document.getElementById(e.getAttribute("aria-labelledby") ?? "")?.textContent)).length,
  }));
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
  return page;
}

async function keyboard(page) {
  const stops = [];
  await page.evaluate(() => document.activeElement.blur());
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press("Tab");
    stops.push(await page.evaluate(() => {
      const e = document.activeElement;
      return { name: e.id || e.className || e.tagName, ring: getComputedStyle(e).outlineStyle !== "none" };
    }));
  }
  await page.focus("#pause");
  await page.keyboard.press("Enter");
  const paused = await page.getAttribute("#pause", "aria-pressed");
  await page.keyboard.press("Enter");
  return { stops, paused, goesOn: await page.getAttribute("#pause", "aria-pressed") };
}

try {
  const wrong = await open({});
  await login(wrong, "not-the-token-at-all");
  await wrong.waitForSelector("#refused:not([hidden])");
  seen.refused = await wrong.textContent("#refused");
  await wrong.screenshot({ path: path.join(folder, "login.png") });
  const light = await look("light", { colorScheme: "light", viewport: { width: 1200, height: 800 } });
  seen.keyboard = await keyboard(light);
  await look("dark", { colorScheme: "dark", viewport: { width: 1200, height: 800 } });
  await look("phone", { colorScheme: "dark", viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
