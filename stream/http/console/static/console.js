// The console: logs in, receives a stream of server-sent events, and passes each to the part of the page that shows it.

import * as alerts from "./alerts.js";
import * as drift from "./drift.js";
import { byId, element, share, time, whole } from "./format.js";
import { prepend, replace } from "./lists.js";
import { problemText, request, session } from "./server.js";
import * as traffic from "./traffic.js";

const MAX_DEAD_LETTERS = 50;
const MAX_ROLE_CHANGES = 20;
const RETRY_MS = 2000;
// What to do about each reason why the server is not ready.
const ADVICE = {
  no_champion: "Publish a model with `fraud-train baseline`, or promote one with `fraud-train promote`.",
  broker_unavailable: "Nothing is decided over HTTP, and this page is not updated, until it responds. "
    + "Check the broker and FRAUD_KAFKA_BOOTSTRAP.",
  reading_responses: "Wait some seconds; nothing is wrong.",
};

// --- the state of the connection

function showState(text, level) {
  byId("state").textContent = text;
  byId("state").className = `state ${level}`;
}

function showBanner(lines) {
  const banner = byId("banner");
  banner.hidden = lines.length === 0;
  banner.replaceChildren(...lines.map((line) => element("p", line)));
}

function showStatus({ problems }) {
  showState(problems.length ? "Not ready" : "Live", problems.length ? "bad" : "good");
  showBanner(problems.map(({ name, sentence }) => [element("strong", sentence), " ", ...withCode(ADVICE[name] ?? "")]));
}

function withCode(text) {
  return text.split("`").map((part, i) => (i % 2 ? element("code", part) : part));
}

// --- the session

async function start() {
  const response = await fetch("/console/session").catch(() => null);
  if (response?.ok) {
    Object.assign(session, await response.json());
    byId("name").textContent = session.csrf ? session.name : "";
    byId("log-out").hidden = !session.csrf;
    byId("open-log-in").hidden = true;
    listen();
  } else if (response?.status === 401 || response?.status === 403) {
    showState("Not logged in", "bad");
    byId("open-log-in").hidden = false;
    document.querySelector("main").hidden = true;
    showBanner([response.status === 401 ? "Log in with an API key to see traffic, alerts and drift." : await problemText(response)]);
    if (response.status === 401) openLogIn();
  } else {
    // No response, or one such as 502 from a proxy while the server restarts.
    showLostServer();
    setTimeout(start, RETRY_MS);
  }
}

function openLogIn() {
  if (!byId("log-in").open) byId("log-in").showModal();
}

byId("open-log-in").addEventListener("click", openLogIn);

byId("log-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = byId("log-in-problem");
  try {
    const response = await request("POST", "/console/session", { key: byId("key").value });
    problem.textContent = response.ok ? "" : await problemText(response);
  } catch {
    problem.textContent = "The server is not responding; try again";
  }
  byId("key").value = "";
  if (problem.textContent) {
    byId("key").focus();
  } else {
    byId("log-in").close();
    start();
  }
});

byId("log-out").addEventListener("click", async () => {
  try {
    await request("DELETE", "/console/session");
    location.reload();
  } catch {
    showBanner(["You are still logged in: the server is not responding. Try again in a moment."]);
  }
});

// --- events

function listen() {
  const source = new EventSource("/console/events");
  source.onerror = () => {
    showLostServer();
    // The browser does not reconnect after an error status, such as 401 when the session has expired.
    if (source.readyState === EventSource.CLOSED) setTimeout(start, RETRY_MS);
  };
  const on = (name, handle) => source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  on("snapshot", showSnapshot);
  on("status", showStatus);
  on("alert", alerts.add);
  on("label", alerts.label);
  on("traffic", traffic.add);
  on("drift", drift.add);
  on("dead_letter", (each) => prepend(byId("dead-letters"), deadLetter(each), MAX_DEAD_LETTERS));
  on("roles", (each) => prepend(byId("roles"), roleChange(each), MAX_ROLE_CHANGES));
}

function lost() {
  return byId("state").classList.contains("lost");
}

function showLostServer() {
  if (lost()) return;
  showState("Reconnecting…", "bad lost");
  showBanner([[
    element("strong", "The server is not responding."),
    ` The page shows its last state, from ${time(Date.now())}, and reconnects by itself.`,
  ]]);
}

function showSnapshot(snapshot) {
  document.querySelector("main").hidden = false;
  showStatus(snapshot.status);
  traffic.reset(snapshot.traffic, snapshot.now_ms);
  alerts.reset(snapshot.alerts);
  drift.reset(snapshot.drift);
  replace(byId("dead-letters"), snapshot.dead_letters.map(deadLetter).reverse());
  replace(byId("roles"), snapshot.roles.map(roleChange).reverse());
}

function roleChange(change) {
  const challengers = change.challengers.map(({ model, mode, share: part }) => (
    mode === "split" ? `${model} (${share(part)} of cards)` : `${model} (shadow)`));
  const lines = [
    element("p", `Champion: ${change.champion}`, "headline"),
    element("p", challengers.length ? `Challengers: ${challengers.join(", ")}` : "No challengers"),
    element("p", `Epoch ${change.epoch}, ${time(change.written_at_ms)}, by ${change.author}`, "detail"),
  ];
  return element("li", change.note ? [...lines, element("p", `“${change.note}”`, "detail")] : lines);
}

function deadLetter({ reason, detail, source, size, refused_at_ms }) {
  return element("li", [
    element("p", reason, "headline"),
    element("p", detail),
    element("p", `${source}, ${whole(size)} bytes, ${time(refused_at_ms)}`, "detail"),
  ]);
}

start();
// The figures of a lost server stay as they were.
setInterval(() => { if (!lost()) traffic.show(); }, 1000);
