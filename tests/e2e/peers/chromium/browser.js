// A headless Chromium with one page, which is served from ../browser and ../common without any network.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { requirePackage } from "../host/modules.js";

const SOURCES = fileURLToPath(new URL("..", import.meta.url));
const PAGE = "http://localhost/"; // a secure context, from which unencrypted relays may be dialled, too
const MODULE = /^\/(?:browser|common)\/[a-z]+\.js$/;
// Addresses as they are instead of mDNS names; no permission asked for a relay or a peer at a private address.
const FEATURES_OFF = [
  "WebRtcHideLocalIpsWithMdns", "LocalNetworkAccessChecks", "LocalNetworkAccessChecksWebSockets", "LocalNetworkAccessChecksWebRTC",
];
const LIMIT_MS = 180_000; // of each step, for one that hangs; playwright's own half a minute may be over before a busy machine has begun
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", `--disable-features=${FEATURES_OFF}`,
];

async function serve(route) {
  const { origin, pathname } = new URL(route.request().url());
  if (origin + "/" !== PAGE) return route.abort();
  if (pathname === "/") return route.fulfill({ contentType: "text/html", body: "<script type=module src=/browser/page.js></script>" });
  if (!MODULE.test(pathname)) return route.fulfill({ status: 404 });
  return route.fulfill({ contentType: "text/javascript", body: fs.readFileSync(path.join(SOURCES, pathname)) });
}

// What an earlier browser left, when it was killed: its profile, and a folder of its own beside it in /tmp.
function clean(directory) {
  try {
    const socket = fs.readlinkSync(path.join(directory, "SingletonSocket"));
    if (path.basename(path.dirname(socket)).startsWith("org.chromium.")) fs.rmSync(path.dirname(socket), { recursive: true, force: true });
  } catch {
    // it was not killed
  }
  // Processes of the killed browser, which end when they notice, may still write to where it was.
  const away = `${directory}-${process.pid}`;
  try {
    fs.renameSync(directory, away);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  fs.rmSync(away, { recursive: true, force: true });
}

// Chromium trusts what the user's NSS database does.
function trust(home, ca) {
  const database = path.join(home, ".pki", "nssdb");
  fs.mkdirSync(database, { recursive: true });
  const certutil = (...words) => execFileSync("certutil", ["-d", `sql:${database}`, ...words], { stdio: ["ignore", "ignore", "pipe"] });
  certutil("-N", "--empty-password");
  certutil("-A", "-n", "relay", "-t", "C,,", "-i", ca);
}

// `directory` is the browser's own, and emptied. `ca`: a file with a certificate to trust, or nothing. `calls`: functions by name, for
// the page's host(). `failed(text)`: the browser broke.
export async function openPage({ directory, ca, bind }, calls, failed) {
  const { chromium } = requirePackage("playwright-core");
  clean(directory);
  if (ca) trust(directory, ca);
  const loopback = /^(127\.|::1$)/.test(bind ?? "") ? ["--allow-loopback-in-peer-connection"] : [];
  const context = await chromium.launchPersistentContext(directory, {
    artifactsDir: directory,
    env: { ...process.env, HOME: directory },
    executablePath: path.join(SOURCES, "chromium", "run-chromium"),
    timeout: LIMIT_MS,
    headless: true, handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false,
    args: [...FLAGS, ...loopback],
    permissions: ["microphone"], // otherwise WebRTC is not told of all addresses
  });
  context.setDefaultTimeout(LIMIT_MS);
  const page = context.pages()[0] ?? (await context.newPage());
  context.on("close", () => failed("Chromium has ended."));
  page.on("crash", () => failed("The page has crashed."));
  page.on("pageerror", (error) => failed(`The page failed: ${error.stack}`));
  await page.exposeBinding("host", async (_source, text) => {
    const [name, ...given] = JSON.parse(text);
    return JSON.stringify((await calls[name](...given)) ?? null);
  });
  await context.route("**/*", serve);
  await page.goto(PAGE);
  return page;
}
