"use strict";
// The routes are relative to the page, wherever it is nested.
const base = location.pathname.replace(/\/+$/, "");
const byId = (id) => document.getElementById(id);
const KEPT = 300;
const columns = [
  ["name", "call site", (site) => site.name],
  ["requests", "requests", (site) => requests(site)],
  ["hit_rate", "hit rate", (site) => site.hit_rate, percent],
  ["memory_hits", "memory", (site) => site.memory_hits],
  ["redis_hits", "Redis", (site) => site.redis_hits],
  ["misses", "misses", (site) => site.misses],
  ["coalesced", "shared", (site) => site.coalesced],
  ["batch", "keys/batch", (site) => site.batches ? site.batch_keys / site.batches : 0, (keys) => keys ? keys.toFixed(1) : "–"],
  ["load_errors", "errors", (site) => site.load_errors],
  ["load", "mean load", (site) => site.load_times.mean, time],
  ["p99", "p99", (site) => site.load_times.p99 ?? 0, time],
  ["consistency", "consistency", (site) => checked(site) ? site.verified_consistent / checked(site) : -1, consistency],
  ["saved", "saved", (site) => site.saved_micros / 1e6, time],
];
let key = sessionStorage.getItem("cache-admin-key") ?? "";
let order = { column: 1, up: false };
let before = null;
let lastEvent = 0;
let sites = [];
let known = null;
const series = { "hit-rate": [], requests: [], load: [], redis: [] };

function requests(counts) { return counts.hits + counts.misses + counts.error_hits + counts.bypassed; }
function checked(counts) { return counts.verified_consistent + counts.verified_inconsistent; }
// Rounded down: 100 % means that no difference was found.
function consistency(part, site) { return part < 0 ? "–" : (Math.floor(part * 1e4) / 100) + " % of " + number(checked(site)); }
function percent(part) { return (part * 100).toFixed(1) + " %"; }
function time(seconds) {
  if (!seconds) return "0";
  if (seconds < 1e-3) return (seconds * 1e6).toFixed(0) + " µs";
  if (seconds < 1) return (seconds * 1e3).toFixed(1) + " ms";
  if (seconds < 600) return seconds.toFixed(1) + " s";
  return seconds < 36000 ? (seconds / 60).toFixed(0) + " min" : (seconds / 3600).toFixed(1) + " h";
}
function number(value) { return value.toLocaleString("en"); }
function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (value >= 1024 && unit < 3) { value /= 1024; unit += 1; }
  return value.toFixed(unit ? 1 : 0) + " " + units[unit];
}

// A stream of snapshots. EventSource cannot send the key, so the events are parsed here.
async function follow() {
  for (;;) {
    try {
      const response = await fetch(base + "/live?after=" + lastEvent, { headers: key ? { "x-cache-admin-key": key } : {} });
      if (response.status === 401 || response.status === 403) {
        const problem = await response.json();
        lost(problem.detail);
        if (response.status === 401) {
          forget();
          while (!await ask("Enter the admin key to see the cache.")) await clicked("give-key");
          continue;
        }
      }
      if (!response.ok) throw new Error("status " + response.status);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
        let end;
        while ((end = text.indexOf("\n\n")) >= 0) {
          const event = text.slice(0, end);
          text = text.slice(end + 2);
          const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
          if (data) show(JSON.parse(data));
        }
      }
    } catch (error) {
      lost("no answer: " + error.message);
    }
    await new Promise((go) => setTimeout(go, 1000));
  }
}

// Shows a button, and resolves when it has been pressed.
function clicked(id) {
  const button = byId(id);
  button.hidden = false;
  return new Promise((resolve) => button.addEventListener("click", () => {
    button.hidden = true;
    resolve();
  }, { once: true }));
}

function lost(reason) {
  const status = byId("status");
  status.className = "badge lost";
  status.textContent = reason;
  before = null;
  Object.keys(series).forEach((name) => { byId(name).textContent = "–"; });
}

function show(snapshot) {
  const { stats, health, events, disabled, at, source } = snapshot;
  const status = byId("status");
  status.className = "badge " + health.status;
  status.textContent = health.status;
  const breaker = health.breaker ? ", breaker " + JSON.stringify(health.breaker).replaceAll('"', "") : "";
  const store = health.backend === "off" ? "off: each call runs its body, nothing is stored" : "in " + health.backend;
  byId("backend").textContent = store + breaker + (health.reason ? ": " + health.reason : "");
  byId("source").textContent = [
    [source.program, "process " + source.process].filter(Boolean).join(", ") + (source.host ? " on " + source.host : ""),
    "namespace " + source.namespace,
    source.redis ? "Redis at " + source.redis : "no Redis",
  ].join(" · ");
  if (!known) learn();
  if (at - dependencies.at > 10000) relearn(at);
  if (at - memory.at > 10000) measure(at);
  if (before) {
    const seconds = Math.max((at - before.at) / 1000, 0.001);
    const now = stats.total, then = before.stats.total;
    const hits = now.hits - then.hits, all = requests(now) - requests(then);
    const lookups = hits + now.misses - then.misses;
    // The statistics may have been reset.
    if (all >= 0) {
      point("hit-rate", lookups ? hits / lookups : null, percent, 1);
      point("requests", all / seconds, (value) => number(Math.round(value)));
      point("load", mean("load_micros", "loads", now, then), time);
      const redis = stats.redis_times, was = before.stats.redis_times;
      const answers = redis.count - was.count;
      const latency = answers > 0 ? (redis.mean * redis.count - was.mean * was.count) / answers : health.latency;
      point("redis", health.latency === null ? null : latency, time);
    }
  }
  before = snapshot;
  const total = stats.total;
  byId("totals").textContent = number(requests(total)) + " requests, " + percent(total.hit_rate) + " of them hits; "
    + time(total.saved_micros / 1e6) + " of load time saved" + (total.saved_cost ? ", and a cost of " + total.saved_cost.toFixed(2) : "")
    + "; " + number(stats.entries) + " entries in " + bytes(stats.bytes) + " of " + bytes(stats.capacity) + "; "
    + number(stats.invalidations) + " invalidations, " + number(stats.redis_errors) + " Redis errors, " + number(stats.redis_outages) + " outages";
  sites = stats.sites.map((site) => ({ ...site, off: !site.enabled || disabled.includes(site.name) }));
  table();
  events.forEach(happened);
}

function mean(sum, count, now, then) {
  const loads = now[count] - then[count];
  return loads > 0 ? (now[sum] - then[sum]) / loads / 1e6 : null;
}

function point(name, value, print, top) {
  const values = series[name];
  values.push(value);
  if (values.length > KEPT) values.shift();
  byId(name).textContent = value === null ? "–" : print(value);
  const svg = byId("chart-" + name);
  const highest = top ?? Math.max(...values.filter((v) => v !== null), 1e-9);
  const width = Math.max(values.length - 1, 1);
  svg.setAttribute("viewBox", "0 0 " + width + " 100");
  svg.setAttribute("preserveAspectRatio", "none");
  let line = "", pen = "M";
  values.forEach((value, x) => {
    if (value === null) { pen = "M"; return; }
    line += pen + x + " " + (100 - 96 * value / highest).toFixed(2);
    pen = "L";
  });
  let path = svg.querySelector("path");
  if (!path) {
    path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.append(path);
  }
  path.setAttribute("d", line);
  const measured = values.filter((v) => v !== null);
  const range = measured.length ? print(Math.min(...measured)) + " to " + print(Math.max(...measured)) + " in the last " : "";
  byId("range-" + name).textContent = range && range + (values.length < 120 ? values.length + " s" : Math.round(values.length / 60) + " min");
}

function head() {
  byId("columns").replaceChildren(...columns.map(([, title], place) => {
    const th = document.createElement("th");
    th.scope = "col";
    if (order.column === place) th.ariaSort = order.up ? "ascending" : "descending";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title;
    button.addEventListener("click", () => {
      order = { column: place, up: order.column === place ? !order.up : place === 0 };
      head();
      table();
      byId("columns").children[place].firstChild.focus();
    });
    th.append(button);
    return th;
  }), document.createElement("th"));
}

function table() {
  const [, , of] = columns[order.column];
  const compare = (a, b) => (of(a) < of(b) ? -1 : of(a) > of(b) ? 1 : 0) * (order.up ? 1 : -1);
  const body = byId("sites");
  const focused = document.activeElement?.dataset?.site;
  body.replaceChildren(...[...sites].sort(compare).map((site) => {
    const row = document.createElement("tr");
    row.className = site.off ? "off" : "";
    for (const [, title, value, print] of columns) {
      const cell = document.createElement("td");
      cell.dataset.title = title;
      const shown = value(site);
      cell.append(...breakable(print ? print(shown, site) : typeof shown === "number" ? number(shown) : shown));
      row.append(cell);
    }
    const cell = document.createElement("td");
    if (site.name !== "direct") {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.site = site.name;
      button.textContent = site.off ? "Switch on" : "Switch off";
      button.setAttribute("aria-label", button.textContent + " " + site.name);
      button.addEventListener("click", () => toggle(site));
      cell.append(button);
    }
    row.append(cell);
    return row;
  }));
  if (focused) body.querySelector('[data-site="' + CSS.escape(focused) + '"]')?.focus();
}

// A long name is broken after `::`, `_` and `<`, rather than within a word.
function breakable(text) {
  return text.split(/(?<=::|_|<)/).flatMap((part, at) => (at ? [document.createElement("wbr"), part] : [part]));
}

function happened(event) {
  lastEvent = event.number;
  const { number, at, event: kind, ...rest } = event;
  const item = document.createElement("li");
  item.className = kind;
  const when = document.createElement("time");
  when.dateTime = at;
  when.textContent = new Date(at).toLocaleTimeString();
  const words = Object.entries(rest).map(([name, value]) => [value].flat().length ? name + " " + [value].flat().join(", ") : "");
  const what = document.createElement("span");
  what.textContent = kind.replaceAll("_", " ") + " " + words.filter(Boolean).join("; ");
  item.append(when, what);
  const list = byId("events");
  list.prepend(item);
  // Invalidations do not displace rare events.
  while (list.children.length > 100) ([...list.querySelectorAll(".invalidated, .cleared, .flushed")].pop() ?? list.lastChild).remove();
}

// Offers the prefixes and tags of the call sites; of a template, the part before its first argument.
async function learn() {
  known = { prefix: [], tag: [], entries: [] };
  try {
    const response = await fetch(base + "/sites", { headers: key ? { "x-cache-admin-key": key } : {} });
    if (!response.ok) throw new Error("status " + response.status);
    const { cached } = await response.json();
    known.prefix = cached.map((site) => site.prefix);
    known.tag = cached.flatMap((site) => site.tags);
  } catch {
    known = null;
  }
  offer();
}

function offer() {
  const templates = [...new Set(known?.[byId("what").value] ?? [])].sort();
  byId("known").replaceChildren(...templates.map((template) => {
    const option = document.createElement("option");
    option.value = template.split("{")[0];
    option.label = template;
    return option;
  }));
}

function forget() {
  key = "";
  sessionStorage.removeItem("cache-admin-key");
}

// Resolves to `true` if the user confirmed. The key is requested once, and questions are asked one after the other.
let answered = Promise.resolve();
function ask(question) {
  answered = answered.then(() => askNow(question));
  return answered;
}

function askNow(question) {
  const dialog = byId("ask");
  byId("question").textContent = question;
  byId("key-label").hidden = Boolean(key);
  byId("key").required = !key;
  byId("key").value = "";
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    const confirmed = dialog.returnValue === "yes";
    if (confirmed && !key) {
      key = byId("key").value;
      sessionStorage.setItem("cache-admin-key", key);
    }
    byId("key").value = "";
    resolve(confirmed);
  }, { once: true }));
}

async function act(question, method, path) {
  const outcome = byId("outcome");
  if (!await ask(question)) return;
  try {
    const response = await fetch(base + path, { method, headers: { "x-cache-admin-key": key } });
    const body = await response.json();
    if (!response.ok) {
      if (response.status === 401) forget();
      throw new Error(body.detail);
    }
    const done = body.done;
    const isDone = done.deleted === undefined ? done.removed !== 0 : done.deleted;
    outcome.className = isDone ? "done" : "nothing";
    if (done.deleted === false) outcome.textContent = "there was no such entry";
    else if (done.deleted === true) outcome.textContent = "the entry was removed";
    else outcome.textContent = typeof done === "string" ? done : Object.entries(done).map(([name, value]) => name + " " + (value ?? "unknown, because Redis has not answered")).join(", ");
  } catch (error) {
    outcome.className = "refused";
    outcome.textContent = error.message;
  }
}

function toggle(site) {
  const path = "/sites/" + encodeURIComponent(site.name) + (site.off ? "/enable" : "/disable");
  const question = site.off ? "Switch caching on for " + site.name + "?"
    : "Switch caching off for " + site.name + "? Each call then runs the function.";
  return act(question, "POST", path);
}

byId("invalidate").addEventListener("submit", (event) => {
  event.preventDefault();
  const what = byId("what").value, which = byId("which").value;
  const name = what === "entries" ? "entry" : what;
  const soft = what === "entries" ? "" : byId("soft").value.trim();
  const how = soft && " softly for " + soft, query = soft && "?soft=" + encodeURIComponent(soft);
  act("Invalidate the " + name + " " + which + how + "?", "DELETE", "/" + what + "/" + encodeURIComponent(which) + query);
});
byId("what").addEventListener("change", offer);
// The entry of one name has no soft form.
byId("what").addEventListener("change", () => { byId("soft").disabled = byId("what").value === "entries"; });
byId("no").addEventListener("click", () => byId("ask").close("no"));
head();
follow();
