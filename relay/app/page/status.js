"use strict";
// Shows /status.json every few seconds. The token stays in this tab; everything that comes from the relay is put in as text.

const EVERY_MS = 3000;
const SVG = "http://www.w3.org/2000/svg";
const LANES_MAX = 12;
const PEERS_MAX = 12;
const MINUTE_MS = 60000;
const $ = (id) => document.getElementById(id);
let paused = false;
let timer = null;

const WORDS = {
  session_opened: "opened", session_closed: "closed", attempt_started: "offer", attempt_answered: "answer",
  attempt_expired: "nobody answered", link_up: "link", attempt_failed: "failed",
};

function element(name, text, className) {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
}

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit++; }
  return `${n.toFixed(unit ? 1 : 0)} ${units[unit]}`;
}

function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 90) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

const bare = (peer) => peer.replace("ed25519:", "");
const short = (id) => id.slice(0, 8);

function fill(id, items, make, nothing) {
  const list = $(id);
  list.replaceChildren(...(items.length ? items.map(make) : [element("li", nothing, "dim")]));
}

function shape(kind, attributes, title) {
  const e = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  if (title) {
    const label = document.createElementNS(SVG, "title");
    label.textContent = title;
    e.append(label);
  }
  return e;
}

function bar(x, y, width, height, className, title) {
  return shape("rect", { x, y, width, height, class: className }, title);
}

// What became of an attempt or a session, for a person.
function told(e) {
  const took = e.recoveryMs ? ` after ${duration(e.recoveryMs)}` : "";
  return `${WORDS[e.event] || e.event}${took}${e.generation ? `, generation ${e.generation}` : ""}${e.cause ? `: ${e.cause}` : ""}`;
}

function mark(e, x, title) {
  if (e.event === "attempt_started") return shape("rect", { x, y: "25%", width: 2, height: "50%", class: "offer" }, title);
  if (e.event === "attempt_answered") return null; // between an offer and what came of it
  if (["attempt_failed", "attempt_expired"].includes(e.event)) { // another form, too, for who does not see the colour
    const place = shape("svg", { x, y: "50%", class: "place" });
    place.append(shape("path", { d: "M-5-5L5 5M-5 5L5-5", class: "bad cross" }, title));
    return place;
  }
  return shape("circle", { cx: x, cy: "50%", r: 5, class: e.event === "link_up" ? "good" : "edge" }, title);
}

// A line for each of the last sessions: since when it is or was without a link, and what was tried.
function showLanes(events, recovering, nowMs) {
  const lanes = new Map();
  for (const e of [...events].reverse()) {
    if (!e.session) continue;
    if (!lanes.has(e.session) && lanes.size === LANES_MAX) continue;
    lanes.set(e.session, [...(lanes.get(e.session) || []), e]);
  }
  const shown = [...lanes.values()].flat();
  const from = Math.max(nowMs - 60 * MINUTE_MS, Math.min(nowMs - MINUTE_MS, ...shown.map((e) => e.atUnixMs - (e.recoveryMs || 0))));
  const part = (ms) => 100 * (ms - from) / (nowMs - from);
  const away = (since, until, title) => shape("rect", { x: `${Math.max(0, part(since))}%`, y: "40%", height: "20%", class: "time",
    width: `${Math.max(.3, part(until) - Math.max(0, part(since)))}%` }, title);
  $("lanes").replaceChildren(...[...lanes].map(([session, list]) => {
    const track = shape("svg", { "aria-hidden": "true" });
    const now = recovering.find((r) => r.session === session);
    if (now) track.append(away(nowMs - now.sinceMs, nowMs, `without a link for ${duration(now.sinceMs)}`));
    for (const e of list)
      if (e.recoveryMs) track.append(away(e.atUnixMs - e.recoveryMs, e.atUnixMs, `without a link for ${duration(e.recoveryMs)}`));
    for (const e of list.filter((one) => one.atUnixMs >= from)) {
      const sign = mark(e, `${part(e.atUnixMs)}%`, `${new Date(e.atUnixMs).toLocaleTimeString()}: ${told(e)}`);
      if (sign) track.append(sign);
    }
    const lane = element("div", undefined, "lane");
    lane.append(element("span", short(session), "id"), track);
    return lane;
  }));
  const count = (kind) => shown.filter((e) => e.event === kind).length;
  $("lanes").setAttribute("aria-label", `${lanes.size} sessions, ${recovering.length} without a link now; links: ${count("link_up")}, ` +
    `failures: ${count("attempt_failed") + count("attempt_expired")}. The list below has each.`);
  $("lanes-from").textContent = `${duration(nowMs - from)} ago`;
  $("lanes-figure").hidden = !lanes.size;
}

// How much of it went well.
function share(good, bad) {
  const picture = shape("svg", { class: "share", "aria-hidden": "true" });
  const percent = good + bad ? 100 * good / (good + bad) : 0;
  if (good + bad) picture.append(bar(0, 0, `${percent}%`, "100%", "good"), bar(`${percent}%`, 0, `${100 - percent}%`, "100%", "bad"));
  return picture;
}

function showHour(minutes) {
  const sum = (name) => minutes.reduce((total, m) => total + m[name], 0);
  const connected = sum("connected"), failed = sum("failed"), recoveries = sum("recoveries");
  const share = connected + failed ? `${Math.round(100 * connected / (connected + failed))} %` : "none";
  const mean = recoveries ? duration(sum("recoveryMs") / recoveries) : "none";
  const text = connected + failed === 0 ? "Nothing was tried."
    : `Reports of a link: ${connected}, of none: ${failed}; share of links: ${share}. Recoveries: ${recoveries}, mean time: ${mean}.`;
  $("hour-text").textContent = text;
  const width = 600 / minutes.length;
  const most = Math.max(1, ...minutes.map((m) => m.connected + m.failed));
  const longest = Math.max(1, ...minutes.map((m) => m.recoveries ? m.recoveryMs / m.recoveries : 0));
  $("outcomes").setAttribute("aria-label", text);
  $("times").setAttribute("aria-label", `Mean time to recover in the last hour: ${mean}; longest minute: ${duration(longest)}.`);
  $("times-max").textContent = recoveries ? duration(longest) : "none";
  $("outcomes-max").textContent = connected + failed ? `${most} in a minute` : "none";
  $("outcomes").replaceChildren(...minutes.flatMap((m, i) => {
    const when = new Date(m.atUnixMs).toLocaleTimeString();
    const good = 115 * m.connected / most, bad = 115 * m.failed / most;
    return [bar(i * width, 120 - good, width - 1, good, "good", `${when}: ${m.connected} links`),
      bar(i * width, 120 - good - bad, width - 1, bad, "bad", `${when}: ${m.failed} without`)];
  }));
  $("times").replaceChildren(...minutes.map((m, i) => {
    const value = m.recoveries ? m.recoveryMs / m.recoveries : 0;
    return bar(i * width, 120 - 115 * value / longest, width - 1, 115 * value / longest, "time",
      `${new Date(m.atUnixMs).toLocaleTimeString()}: ${duration(value)}`);
  }));
}

function show(s) {
  const relay = s.relay, load = s.load, machine = s.machine;
  $("state").textContent = `${relay.state}, version ${relay.version}, up for ${duration(relay.nowUnixMs - relay.startedUnixMs)}`;
  $("state").className = relay.ready ? "good" : "bad";
  const figures = [["connections", load.connections], ["signed in", load.authenticated], ["syncshells", load.syncshells],
    ["attempts live", load.attempts], ["messages", load.routed], ["not sent again", bytes(s.keptBytes)],
    ["held", bytes(load.heldBytes)], ["queued", bytes(load.queuedBytes)], ["memory", bytes(machine.residentBytes)],
    ["database", bytes(machine.databaseBytes + machine.logBytes)], ["disk left", bytes(machine.freeBytes)]];
  $("figures").replaceChildren(...figures.map(([name, value]) => {
    const group = element("div");
    group.append(element("dt", name), element("dd", typeof value === "number" ? value.toLocaleString() : value));
    return group;
  }));
  const rows = s.recovering.map((r) => {
    const row = element("tr");
    const cell = (label, text, className) => {
      const e = element("td", text, className);
      e.dataset.label = label;
      return e;
    };
    const away = [r.providerOnline ? "" : "sender away", r.joinerOnline ? "" : "receiver away"].filter(Boolean).join(", ");
    row.append(cell("Session", short(r.session), "id"), cell("From, to", `${bare(r.provider)}, ${bare(r.joiner)}`, "id"),
      cell("Step", `${r.step}, generation ${r.generation}${away ? `; ${away}` : ""}`), cell("For", duration(r.sinceMs)),
      cell("Last trouble", r.sentence));
    return row;
  });
  if (!rows.length) {
    const cell = element("td", "Nothing recovers at the moment.", "dim");
    cell.colSpan = 5;
    const row = element("tr");
    row.append(cell);
    rows.push(row);
  }
  $("recovering").replaceChildren(...rows);
  showHour(s.minutes);
  showLanes(s.events, s.recovering, relay.nowUnixMs);
  fill("timeline", [...s.events].reverse(), (e) => {
    const item = element("li");
    const when = element("time", new Date(e.atUnixMs).toLocaleTimeString());
    when.dateTime = new Date(e.atUnixMs).toISOString();
    item.append(when, element("span", short(e.session), "id"), ` ${told(e)}`);
    return item;
  }, "Nothing has happened yet.");
  fill("causes", s.causes, (c) => element("li", `${c.count} × ${c.sentence} (${c.cause})`), "None.");
  fill("limits", s.limits, (l) => element("li", `${l.count} × ${l.code}: ${l.setting}`), "None.");
  fill("ice", s.ice, (i) => {
    const item = element("li", `${i.server}: ${i.connected} worked, ${i.failed} failed`);
    item.append(share(i.connected, i.failed));
    return item;
  }, "No servers are configured.");
  fill("syncshells", s.syncshells, (y) => {
    const card = element("li");
    const id = element("div", short(y.id), "id");
    id.title = y.id;
    card.append(id, element("div", `${y.online} of ${y.members} here, ${y.sessions} open sessions`, "dim"));
    const here = [...y.peers].sort((a, b) => b.online - a.online);
    for (const p of here.slice(0, PEERS_MAX)) {
      const peer = element("span", bare(p.id), p.online ? "peer online" : "peer");
      peer.title = p.online ? "here" : "away";
      card.append(peer);
    }
    if (here.length > PEERS_MAX) card.append(element("span", `and ${here.length - PEERS_MAX} more`, "dim more"));
    return card;
  }, "Nobody is here.");
  $("login").hidden = true;
  $("data").hidden = false;
}

function ask(refused) {
  $("login").hidden = false;
  $("data").hidden = true;
  $("refused").hidden = !refused;
  $("state").textContent = "The token is needed";
  $("state").className = "";
  $("token").focus();
}

async function refresh() {
  clearTimeout(timer);
  const token = sessionStorage.getItem("token");
  try {
    const answer = await fetch("/status.json", { headers: token ? { Authorization: `Bearer ${token}` } : {} });
    if (answer.status === 401) {
      sessionStorage.removeItem("token");
      ask(token !== null);
      return;
    }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    show(await answer.json());
  } catch (error) {
    $("state").textContent = `The relay does not answer (${error.message})`;
    $("state").className = "bad";
  }
  if (!paused) timer = setTimeout(refresh, EVERY_MS);
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("token").value);
  $("token").value = "";
  refresh();
});

$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Go on" : "Pause";
  if (paused) clearTimeout(timer); else refresh();
});

refresh();
