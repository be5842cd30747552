// The console: one stream of events in, text out. Nothing that comes from outside is ever put in as markup.

const ALERTS = 100;
const LETTERS = 50;
const CHANGES = 20;
const WINDOWS = 24;
const MINUTES_5 = 300_000;
// Upper ends of the latency bins in role-counts, milliseconds; the last has none.
const BINS_MS = [...Array(11).keys()].map((power) => 2 ** power).concat(Infinity);

const at = (id) => document.getElementById(id);
const time = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });
const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const percent = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 2 });

let session = { name: "", scopes: [], csrf: "" };
let source = null;
let traffic = [];
let drift = [];

function element(tag, text, kind) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

async function call(method, path, body) {
  return fetch(path, {
    method,
    headers: { "Content-Type": "application/json", "X-CSRF-Token": session.csrf },
    body: body && JSON.stringify(body),
  });
}

async function problemOf(response) {
  const problem = await response.json().catch(() => ({}));
  return problem.detail ?? `${response.status} ${response.statusText}`;
}

// --- who is there

async function begin() {
  const response = await fetch("/console/session");
  if (response.status === 401) {
    at("state").textContent = "not logged in";
    at("log-in").showModal();
    return;
  }
  if (!response.ok) {
    at("state").textContent = await problemOf(response);
    return;
  }
  session = await response.json();
  at("name").textContent = session.name;
  at("who").hidden = !session.csrf;
  listen();
}

at("log-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const response = await call("POST", "/console/session", { key: at("key").value });
  at("key").value = "";
  at("log-in-problem").textContent = response.ok ? "" : await problemOf(response);
  if (response.ok) {
    at("log-in").close();
    begin();
  }
});

at("log-out").addEventListener("click", async () => {
  await call("DELETE", "/console/session");
  location.reload();
});

// --- what comes

function listen() {
  source = new EventSource("/console/events");
  source.onopen = () => { at("state").textContent = "live"; };
  source.onerror = () => {
    at("state").textContent = "not connected, trying again";
    // A refusal ends the stream for good; whoever was logged out must log in again.
    if (source.readyState === EventSource.CLOSED) setTimeout(begin, 2000);
  };
  const on = (name, take) => source.addEventListener(name, (event) => take(JSON.parse(event.data)));
  on("everything", showEverything);
  on("alert", addAlert);
  on("letter", addLetter);
  on("traffic", addTraffic);
  on("drift", (report) => { drift = [...drift, report].slice(-WINDOWS * 4); showDrift(); });
  on("roles", addRoles);
  on("label", showLabel);
}

function showEverything(all) {
  for (const id of ["alerts", "letters", "roles"]) at(id).replaceChildren();
  traffic = all.traffic;
  drift = all.drift;
  all.alerts.forEach(addAlert);
  all.letters.forEach(addLetter);
  all.roles.forEach(addRoles);
  showTraffic();
  showDrift();
}

function prepend(list, item, most) {
  list.prepend(item);
  while (list.children.length > most) list.lastElementChild.remove();
  at(`no-${list.id}`).hidden = true;
}

// --- alerts

function addAlert(alert) {
  const item = at("alert").content.firstElementChild.cloneNode(true);
  const put = (name, text) => { item.querySelector(`.${name}`).textContent = text; };
  item.classList.add(alert.verdict === "decline" ? "decline" : "review");
  item.dataset.transaction = alert.transaction_id;
  put("verdict", alert.verdict);
  put("amount", amount(alert));
  put("id", alert.transaction_id);
  put("score", `score ${alert.score.toFixed(4)}, threshold ${alert.threshold.toFixed(4)}`);
  put("model", `by ${alert.model}`);
  put("when", time.format(alert.event_time_ms));
  item.querySelector(".when").dateTime = new Date(alert.event_time_ms).toISOString();
  put("reasons", alert.reasons.map(([feature, share]) => `${feature} ${share.toFixed(3)}`).join(", "));
  const may = session.scopes.includes("label");
  for (const [name, fraud] of [["fraud", true], ["clear", false]]) {
    const button = item.querySelector(`button.${name}`);
    button.hidden = !may;
    button.setAttribute("aria-label", `${button.textContent}: ${alert.transaction_id}`);
    button.addEventListener("click", () => say(item, alert.transaction_id, fraud));
  }
  mark(item, alert.fraud);
  prepend(at("alerts"), item, ALERTS);
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

async function say(item, transaction_id, fraud) {
  const buttons = item.querySelectorAll("button");
  buttons.forEach((button) => { button.disabled = true; });
  try {
    const response = await call("POST", "/labels", { transaction_id, fraud });
    at("problem").textContent = response.ok ? "" : await problemOf(response);
    if (response.ok) mark(item, fraud);
  } catch (error) {
    at("problem").textContent = `not sent: ${error.message}`;
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
}

function showLabel(label) {
  for (const item of at("alerts").children) {
    if (item.dataset.transaction === label.transaction_id) mark(item, label.fraud);
  }
}

function mark(item, fraud) {
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
  traffic = traffic.filter((each) => each.at_ms > newest - MINUTES_5);
  const seconds = new Map();
  for (const { at_ms, players } of traffic) {
    const second = Math.floor(at_ms / 1000);
    const decided = players.find((each) => each.decides)?.transactions ?? 0;
    seconds.set(second, (seconds.get(second) ?? 0) + decided);
  }
  const last = Math.floor(newest / 1000);
  const line = [...Array(300).keys()].map((back) => seconds.get(last - 299 + back) ?? 0);
  const most = Math.max(1, ...line);
  at("spark-line").setAttribute("points", line.map((value, x) => `${x},${58 - (56 * value) / most}`).join(" "));
  // Several programs tell once a second each, at moments of their own: the mean of five seconds is steady.
  const recent = line.slice(-6, -1);
  const quiet = Date.now() - newest > 5000;
  at("rate").textContent = quiet ? "0" : number.format(recent.reduce((a, b) => a + b, 0) / recent.length);
  const bins = Array(12).fill(0);
  for (const { at_ms, latencies } of traffic) if (at_ms > newest - 60_000) latencies.forEach((n, i) => { bins[i] += n; });
  at("p50").textContent = quantile(bins, 0.5);
  at("p99").textContent = quantile(bins, 0.99);
  showPlayers();
}

function quantile(bins, share) {
  const all = bins.reduce((a, b) => a + b, 0);
  let below = 0;
  for (const [i, count] of bins.entries()) {
    below += count;
    if (all && below >= share * all) return BINS_MS[i] === Infinity ? "> 1024 ms" : `≤ ${BINS_MS[i]} ms`;
  }
  return "–";
}

function showPlayers() {
  const sums = new Map();
  for (const { players } of traffic) {
    for (const each of players) {
      const key = JSON.stringify([each.model, each.policy, each.decides]);
      const sum = sums.get(key) ?? { ...each, transactions: 0, reviews: 0, declines: 0, problems: 0 };
      for (const name of ["transactions", "reviews", "declines", "problems"]) sum[name] += each[name];
      sums.set(key, sum);
    }
  }
  const rows = [...sums.values()].sort((a, b) => b.decides - a.decides || a.model.localeCompare(b.model));
  at("players").replaceChildren(...rows.map((each) => {
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
  at("alert-rate").textContent = champion
    ? percent.format((champion.reviews + champion.declines) / champion.transactions) : "–";
}

// --- roles, drift, dead letters

function addRoles(change) {
  const item = document.createElement("li");
  const others = change.challengers.map(({ model, mode, share }) => mode === "split" ? `${model} ${percent.format(share)}` : model);
  item.append(
    element("p", `${change.champion} decides`, "headline"),
    element("p", others.length ? `${others.join(", ")} watch` : "nobody watches", "detail"),
    element("p", `epoch ${change.epoch}, ${time.format(change.written_at_ms)}, by ${change.author}`, "detail"),
  );
  if (change.note) item.append(element("p", change.note, "detail"));
  prepend(at("roles"), item, CHANGES);
}

function showDrift() {
  const newest = drift.filter((each) => each.decides).at(-1);
  at("no-drift").hidden = Boolean(newest);
  if (!newest) return;
  const windows = drift.filter((each) => each.model === newest.model).slice(-WINDOWS);
  at("drift").replaceChildren(...Object.keys(newest.columns).map((name) => {
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

function addLetter(letter) {
  const item = document.createElement("li");
  item.append(
    element("p", letter.reason, "headline"),
    element("p", letter.detail),
    element("p", `${letter.place}, ${number.format(letter.size)} bytes, ${time.format(letter.refused_at_ms)}`, "detail"),
  );
  prepend(at("letters"), item, LETTERS);
}

begin();
setInterval(showTraffic, 5000);
