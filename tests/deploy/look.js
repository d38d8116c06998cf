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
const LIMIT_MS = 180_000; // of each step, for one that hangs
const [url, token, folder, session] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath: RUN, headless: true, args: FLAGS, timeout: LIMIT_MS,
  env: { ...process.env, HOME: folder } });
const seen = { faults: [], requests: [], views: {}, busy: {} };

async function open(options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(LIMIT_MS);
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
    lanes: [...document.querySelectorAll("#lanes .id")].map((e) => e.textContent),
    marks: Object.fromEntries(["good", "bad", "time", "offer", "edge"].map((c) => [c, document.querySelectorAll(`#lanes svg .${c}`).length])),
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

// What a relay shows that has been busy for an hour, made out of what this one says: as long, wide and many as it can be.
function busy(status) {
  const now = status.relay.nowUnixMs;
  const session = (i) => `${(0x10000000 + i * 7919).toString(16)}-a-session-with-a-long-name`;
  const peer = (i) => `ed25519:${(i * 2654435761 % 2 ** 32).toString(36).padStart(8, "x").slice(0, 8)}`;
  status.minutes.forEach((m, i) => Object.assign(m, { connected: (i * 37) % 50, failed: (i * 11) % 9, recoveries: i % 5, recoveryMs: (i % 5) * (700 + 90 * i) }));
  status.events = Array.from({ length: 200 }, (_, i) => ({ atUnixMs: now - (200 - i) * 15000, session: session(i % 17), generation: 1 + i % 9, cause: "",
    event: ["session_opened", "attempt_started", "attempt_answered", "link_up", "attempt_started", "attempt_failed", "link_up"][i % 7],
    ...(i % 7 === 5 ? { cause: "turn_unreachable" } : {}), ...(i % 7 === 6 ? { recoveryMs: 2000 + 9000 * (i % 11) } : {}) }));
  status.recovering = Array.from({ length: 12 }, (_, i) => ({ ...status.recovering[0], session: session(i), sinceMs: 60000 * i, joinerOnline: i % 3 > 0 }));
  status.syncshells = Array.from({ length: 30 }, (_, i) => ({ id: i ? (i * 0x9e3779b9).toString(16) : "an-id-as-long-as-ids-may-be-".padEnd(64, "x"),
    members: 100, online: 60, sessions: 40, peers: Array.from({ length: i ? 4 : 100 }, (_, j) => ({ id: peer(i * 100 + j), online: j % 3 > 0 })) }));
  status.ice = ["turn:turn.a-provider-with-a-long-name.example:3478?transport=udp", "turns:relay.example:443?transport=tcp"]
    .map((server, i) => ({ server, connected: 900 - 700 * i, failed: 20 + 400 * i }));
  status.limits = [{ code: "too_many_from_address", setting: "limits.address_connections_max", count: 123456 }];
  Object.assign(status.load, { connections: 98765, authenticated: 98000, routed: 1234567890, heldBytes: 2 ** 31, queuedBytes: 2 ** 30 });
  status.keptBytes = 2 ** 43;
  return status;
}

async function lookAtBusy(name, options) {
  const page = await open(options);
  await page.route("**/status.json", async (route) => {
    const answer = await route.fetch();
    await route.fulfill(answer.ok() ? { response: answer, json: busy(await answer.json()) } : { response: answer });
  });
  await login(page, token);
  await page.waitForSelector("#data:not([hidden])");
  await page.waitForFunction(() => document.querySelectorAll("#lanes .lane").length > 2);
  seen.busy[name] = await page.evaluate(() => ({
    lanes: document.querySelectorAll("#lanes .lane").length,
    overflows: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    outside: [...document.querySelectorAll("#data *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, .lane svg"))
      .map((e) => e.outerHTML.slice(0, 80)),
  }));
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
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
  await lookAtBusy("busy", { colorScheme: "light", viewport: { width: 1200, height: 800 } });
  await lookAtBusy("busy-phone", { colorScheme: "dark", viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
