// Alerts as cards, the reasons first, and the labels that analysts give them.

import { amount, byId, decrease, element, name, score, time } from "./format.js";
import { prepend, replace } from "./lists.js";
import { problemText, request, session } from "./server.js";

const MAX_ALERTS = 100;

const list = byId("alerts");
// Alerts that arrived while the list was in use. Showing them would move the buttons under the pointer.
let held = [];

export function reset(alerts) {
  held = [];
  replace(list, alerts.map(card).reverse());
  showHeld();
}

export function add(alert) {
  byId("announcement").textContent = `New alert: ${alert.verdict} ${amount(alert)}`;
  if (list.matches(":hover, :focus-within")) {
    held = [...held, alert].slice(-MAX_ALERTS);
    showHeld();
  } else {
    prepend(list, card(alert), MAX_ALERTS);
  }
}

export function label({ transaction_id, fraud }) {
  for (const alert of held) if (alert.transaction_id === transaction_id) alert.fraud = fraud;
  for (const item of list.children) if (item.dataset.transaction === transaction_id) markLabel(item, fraud);
}

function release() {
  for (const alert of held) prepend(list, card(alert), MAX_ALERTS);
  held = [];
  showHeld();
}

function showHeld() {
  const button = byId("held");
  button.hidden = held.length === 0;
  button.textContent = held.length === 1 ? "Show 1 new alert" : `Show ${held.length} new alerts`;
}

byId("held").addEventListener("click", () => {
  release();
  byId("alerts-title").focus();
});
list.addEventListener("pointerleave", () => { if (!list.matches(":focus-within")) release(); });
list.addEventListener("focusout", (event) => {
  const next = event.relatedTarget;
  if (!list.contains(next) && next !== byId("held") && !list.matches(":hover")) release();
});

function card(alert) {
  const item = byId("alert").content.firstElementChild.cloneNode(true);
  const put = (part, text) => { item.querySelector(`.${part}`).textContent = text; };
  item.classList.add(alert.verdict === "decline" ? "decline" : "review");
  item.dataset.transaction = alert.transaction_id;
  put("verdict", alert.verdict);
  put("amount", amount(alert));
  put("when", time(alert.event_time_ms));
  item.querySelector(".when").dateTime = new Date(alert.event_time_ms).toISOString();
  item.querySelector(".reasons").append(...reasons(alert));
  put("score", `Score ${score(alert.score)}, threshold ${score(alert.threshold)}`);
  put("model", `Model ${alert.model}`);
  item.querySelector(".id").append("Transaction ", element("code", alert.transaction_id));
  for (const [kind, fraud] of [["fraud", true], ["clear", false]]) {
    const button = item.querySelector(`button.${kind}`);
    button.hidden = !session.scopes.includes("label");
    button.setAttribute("aria-label", `${button.textContent}: ${alert.transaction_id}`);
    button.addEventListener("click", () => sendLabel(item, alert.transaction_id, fraud));
  }
  markLabel(item, alert.fraud);
  return item;
}

function reasons(alert) {
  if (!alert.reasons.length) return [element("li", "No single feature explains this score", "none")];
  return alert.reasons.map(([feature, contribution]) => {
    // The part of the score that is gone when the feature has its typical value.
    const part = alert.score > 0 ? Math.min(contribution / alert.score, 1) : 0;
    const bar = element("span", element("span", ""), "bar");
    bar.firstElementChild.style.inlineSize = `${100 * part}%`;
    return element("li", [name(feature), bar, element("span", decrease(part), "part")]);
  });
}

async function sendLabel(item, transaction_id, fraud) {
  const buttons = item.querySelectorAll("button");
  buttons.forEach((button) => { button.setAttribute("aria-disabled", "true"); });
  try {
    const response = await request("POST", "/labels", { transaction_id, fraud });
    byId("problem").textContent = response.ok ? "" : await problemText(response);
    if (response.ok) markLabel(item, fraud);
  } catch (error) {
    byId("problem").textContent = `The label was not sent (${error.message}); try again`;
  } finally {
    buttons.forEach((button) => { button.removeAttribute("aria-disabled"); });
  }
}

function markLabel(item, fraud) {
  const text = item.querySelector(".label");
  text.textContent = fraud === true ? "labelled fraud" : fraud === false ? "labelled legitimate" : "";
  text.className = `label ${fraud === true ? "is-fraud" : "is-clear"}`;
  item.querySelector("button.fraud").setAttribute("aria-pressed", String(fraud === true));
  item.querySelector("button.clear").setAttribute("aria-pressed", String(fraud === false));
}
