// The console: receives a stream of server-sent events and renders it as text. Data never becomes markup.

const MAX_ALERTS = 100;
const MAX_DEAD_LETTERS = 50;
const MAX_ROLE_CHANGES = 20;
const MAX_WINDOWS = 24;
// Maximum number of drift reports kept, for the champion and a few challengers.
const MAX_REPORTS = MAX_WINDOWS * 4;
const FIVE_MINUTES_MS = 300_000;
// Upper bounds in milliseconds of the latency bins in role-counts; the last bin is unbounded.
const LATENCY_BOUNDS_MS = [...Array(11).keys()].map((power) => 2 ** power).concat(Infinity);

const byId = (id) => document.getElementById(id);
const time = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });
const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const percent = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 2 });

let session = { name: "", scopes: [], csrf: "" };
let source = null;
let traffic = [];
let drift = [];

function element(tag, text, className) {
  const node = document.createElement(tag);
  node.textContent = text;
  if (className) node.className = className;
  return node;
}

async function request(method, path, body) {
  return fetch(path, {
    method,
    headers: { "Content-Type": "application/json", "X-CSRF-Token": session.csrf },
    body: body && JSON.stringify(body),
  });
}

async function problemText(response) {
  const problem = await response.json().catch(() => ({}));
  return problem.detail ?? `${response.status} ${response.statusText}`;
}

// --- session

async function start() {
  const response = await fetch("/console/session");
  if (response.status === 401) {
    byId("state").textContent = "not logged in";
    byId("log-in").showModal();
    return;
  }
  if (!response.ok) {
    byId("state").textContent = await problemText(response);
    return;
  }
  session = await response.json();
  byId("name").textContent = session.name;
  byId("user").hidden = !session.csrf;
  listen();
}

byId("log-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const response = await request("POST", "/console/session", { key: byId("key").value });
  byId("key").value = "";
  byId("log-in-problem").textContent = response.ok ? "" : await problemText(response);
  if (response.ok) {
    byId("log-in").close();
    start();
  }
});

byId("log-out").addEventListener("click", async () => {
  await request("DELETE", "/console/session");
  location.reload();
});

// --- events

function listen() {
  source = new EventSource("/console/events");
  source.onopen = () => { byId("state").textContent = "live"; };
  source.onerror = () => {
    byId("state").textContent = "disconnected, reconnecting…";
    // The browser does not reconnect after an error status, such as 401 when the session has expired.
    if (source.readyState === EventSource.CLOSED) setTimeout(start, 2000);
  };
  const on = (name, handle) => source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  on("snapshot", showSnapshot);
  on("alert", addAlert);
  on("dead_letter", addDeadLetter);
  on("traffic", addTraffic);
  on("drift", (report) => { drift = [...drift, report].slice(-MAX_REPORTS); showDrift(); });
  on("roles", addRoleChange);
  on("label", showLabel);
}

function showSnapshot(snapshot) {
  for (const id of ["alerts", "dead-letters", "roles"]) byId(id).replaceChildren();
  traffic = snapshot.traffic;
  drift = snapshot.drift;
  snapshot.alerts.forEach(addAlert);
  snapshot.dead_letters.forEach(addDeadLetter);
  snapshot.roles.forEach(addRoleChange);
  showTraffic();
  showDrift();
}

function prepend(list, item, maximum) {
  list.prepend(item);
  while (list.children.length > maximum) list.lastElementChild.remove();
  byId(`no-${list.id}`).hidden = true;
}

// --- alerts and labels

function addAlert(alert) {
  const item = byId("alert").content.firstElementChild.cloneNode(true);
  const put = (name, text) => { item.querySelector(`.${name}`).textContent = text; };
  item.classList.add(alert.verdict === "decline" ? "decline" : "review");
  item.dataset.transaction = alert.transaction_id;
  put("verdict", alert.verdict);
  put("amount", amount(alert));
  put("id", alert.transaction_id);
  put("score", `score ${alert.score.toFixed(4)}, threshold ${alert.threshold.toFixed(4)}`);
  put("model", `scored by ${alert.model}`);
  put("when", time.format(alert.event_time_ms));
  item.querySelector(".when").dateTime = new Date(alert.event_time_ms).toISOString();
  put("reasons", alert.reasons.map(([feature, share]) => `${feature} ${share.toFixed(3)}`).join(", "));
  const canLabel = session.scopes.includes("label");
  for (const [name, fraud] of [["fraud", true], ["clear", false]]) {
    const button = item.querySelector(`button.${name}`);
    button.hidden = !canLabel;
    button.setAttribute("aria-label", `${button.textContent}: ${alert.transaction_id}`);
    button.addEventListener("click", () => sendLabel(item, alert.transaction_id, fraud));
  }
  markLabel(item, alert.fraud);
  prepend(byId("alerts"), item, MAX_ALERTS);
}

function amount({ amount_minor, currency }) {
  if (amount_minor === null || !currency) return "";
  try {
    const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
    return format.format(amount_minor / 10 ** format.resolvedOptions().maximumFractionDigits);
  } catch {
    return `${amount_minor} ${currency}`;
  }
}

async function sendLabel(item, transaction_id, fraud) {
  const buttons = item.querySelectorAll("button");
  buttons.forEach((button) => { button.disabled = true; });
  try {
    const response = await request("POST", "/labels", { transaction_id, fraud });
    byId("problem").textContent = response.ok ? "" : await problemText(response);
    if (response.ok) markLabel(item, fraud);
  } catch (error) {
    byId("problem").textContent = `The label was not sent (${error.message}); try again`;
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
}

function showLabel(label) {
  for (const item of byId("alerts").children) {
    if (item.dataset.transaction === label.transaction_id) markLabel(item, label.fraud);
  }
}

function markLabel(item, fraud) {
  const label = item.querySelector(".label");
  label.textContent = fraud === true ? "labelled fraud" : fraud === false ? "labelled legitimate" : "";
  label.className = `label ${fraud === true ? "is-fraud" : "is-clear"}`;
}

// --- traffic

function addTraffic(counts) {
  traffic.push(counts);
  showTraffic();
}

function showTraffic() {
  const newest = Math.max(0, ...traffic.map((each) => each.at_ms));
  traffic = traffic.filter((each) => each.at_ms > newest - FIVE_MINUTES_MS);
  const seconds = new Map();
  for (const { at_ms, models } of traffic) {
    const second = Math.floor(at_ms / 1000);
    const decided = models.find((each) => each.decides)?.transactions ?? 0;
    seconds.set(second, (seconds.get(second) ?? 0) + decided);
  }
  const last = Math.floor(newest / 1000);
  const rates = [...Array(300).keys()].map((index) => seconds.get(last - 299 + index) ?? 0);
  const highest = Math.max(1, ...rates);
  byId("rate-line").setAttribute("points", rates.map((rate, x) => `${x},${58 - (56 * rate) / highest}`).join(" "));
  // Programs report once a second, but not at the same time, so the mean of five seconds is steadier than the last.
  const recent = rates.slice(-6, -1);
  const stale = Date.now() - newest > 5000;
  byId("rate").textContent = stale ? "0" : number.format(recent.reduce((a, b) => a + b, 0) / recent.length);
  const bins = Array(12).fill(0);
  for (const { at_ms, latencies } of traffic) if (at_ms > newest - 60_000) latencies.forEach((n, i) => { bins[i] += n; });
  byId("p50").textContent = quantile(bins, 0.5);
  byId("p99").textContent = quantile(bins, 0.99);
  showModels();
}

function quantile(bins, share) {
  const total = bins.reduce((a, b) => a + b, 0);
  let cumulative = 0;
  for (const [i, count] of bins.entries()) {
    cumulative += count;
    if (!total || cumulative < share * total) continue;
    return LATENCY_BOUNDS_MS[i] === Infinity ? "> 1024 ms" : `≤ ${LATENCY_BOUNDS_MS[i]} ms`;
  }
  return "–";
}

function showModels() {
  const sums = new Map();
  for (const { models } of traffic) {
    for (const each of models) {
      const key = JSON.stringify([each.model, each.policy, each.decides]);
      const sum = sums.get(key) ?? { ...each, transactions: 0, reviews: 0, declines: 0, problems: 0 };
      for (const name of ["transactions", "reviews", "declines", "problems"]) sum[name] += each[name];
      sums.set(key, sum);
    }
  }
  const rows = [...sums.values()].sort((a, b) => b.decides - a.decides || a.model.localeCompare(b.model));
  byId("models").replaceChildren(...rows.map((each) => {
    const row = document.createElement("tr");
    const rate = each.transactions ? (each.reviews + each.declines) / each.transactions : 0;
    row.append(
      element("th", each.model), element("td", each.decides ? "champion" : "challenger"),
      element("td", number.format(each.transactions)), element("td", percent.format(rate)),
      element("td", number.format(each.declines)), element("td", number.format(each.problems)),
    );
    row.firstElementChild.scope = "row";
    return row;
  }));
  const champion = rows.find((each) => each.decides && each.transactions);
  byId("alert-rate").textContent = champion
    ? percent.format((champion.reviews + champion.declines) / champion.transactions) : "–";
}

// --- role changes, drift, dead letters

function addRoleChange(change) {
  const item = document.createElement("li");
  const challengers = change.challengers.map(({ model, mode, share }) => (
    mode === "split" ? `${model} (${percent.format(share)} of cards)` : `${model} (shadow)`));
  item.append(
    element("p", `Champion: ${change.champion}`, "headline"),
    element("p", challengers.length ? `Challengers: ${challengers.join(", ")}` : "No challengers", "detail"),
    element("p", `epoch ${change.epoch}, ${time.format(change.written_at_ms)}, by ${change.author}`, "detail"),
  );
  if (change.note) item.append(element("p", change.note, "detail"));
  prepend(byId("roles"), item, MAX_ROLE_CHANGES);
}

function showDrift() {
  const newest = drift.filter((each) => each.decides).at(-1);
  byId("no-drift").hidden = Boolean(newest);
  if (!newest) return;
  const windows = drift.filter((each) => each.model === newest.model).slice(-MAX_WINDOWS);
  byId("drift").replaceChildren(...Object.keys(newest.columns).map((name) => {
    const row = document.createElement("tr");
    const head = element("th", name);
    head.scope = "row";
    row.append(head);
    for (const window of windows) {
      const [psi, limit, state] = window.columns[name] ?? [null, null, "unknown"];
      const level = state === "page" || state === "alarm" ? 3 : limit !== null && psi > limit ? 2 : psi > 0.1 ? 1 : 0;
      const cell = element("td", psi === null ? "–" : psi.toFixed(2) + (level > 1 ? " !" : ""), `level-${level}`);
      cell.title = `${time.format(window.at_ms)}: ${state}`;
      row.append(cell);
    }
    return row;
  }));
}

function addDeadLetter(deadLetter) {
  const item = document.createElement("li");
  item.append(
    element("p", deadLetter.reason, "headline"),
    element("p", deadLetter.detail),
    element(
      "p",
      `${deadLetter.source}, ${number.format(deadLetter.size)} bytes, ${time.format(deadLetter.refused_at_ms)}`,
      "detail",
    ),
  );
  prepend(byId("dead-letters"), item, MAX_DEAD_LETTERS);
}

start();
setInterval(showTraffic, 5000);
