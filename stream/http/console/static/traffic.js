// Traffic: decisions per second, alert rate, scoring time, and the figures of each model in the last five minutes.

import { draw } from "./chart.js";
import { byId, element, share, whole } from "./format.js";
import { replace } from "./lists.js";

const MINUTES = 5;
const WINDOW_S = MINUTES * 60;
// Seconds in each point of the chart. Programs report once a second, but not at the same moment.
const POINT_S = 5;
// Seconds after which every report of a second has arrived.
const DELAY_S = 2;
// Upper bounds in milliseconds of the latency bins in role-counts; the last bin is unbounded.
const LATENCY_BOUNDS_MS = [...Array(11).keys()].map((power) => 2 ** power).concat(Infinity);

let reports = [];
// Milliseconds by which the server's clock is ahead of the browser's.
let ahead = 0;

export function reset(all, now_ms) {
  ahead = now_ms - Date.now();
  reports = all;
  show();
}

export function add(report) {
  reports.push(report);
  show();
}

export function show() {
  const now = Date.now() + ahead;
  reports = reports.filter((each) => each.at_ms > now - (WINDOW_S + 2 * POINT_S) * 1000);
  const seconds = new Map();
  for (const { at_ms, models } of reports) {
    const decided = models.find((each) => each.decides)?.transactions ?? 0;
    const second = Math.floor(at_ms / 1000);
    seconds.set(second, (seconds.get(second) ?? 0) + decided);
  }
  const mean = (end) => {
    let sum = 0;
    for (let second = end - POINT_S; second < end; second += 1) sum += seconds.get(second) ?? 0;
    return sum / POINT_S;
  };
  const complete = Math.floor(now / 1000) - DELAY_S;
  const current = mean(complete);
  byId("rate").textContent = whole(current);
  showChart(mean, Math.floor(complete / POINT_S) * POINT_S, now / 1000, current);
  showScoringTime(now);
  showModels(now);
}

function showChart(mean, end, now_s, current) {
  const count = WINDOW_S / POINT_S;
  const values = [...Array(count).keys()].map((index) => mean(end - (count - 1 - index) * POINT_S));
  const highest = Math.max(...values);
  byId("no-traffic").hidden = highest > 0;
  const svg = byId("rate-chart");
  svg.setAttribute("aria-label", "Decisions per second in the last five minutes: "
    + `now ${whole(current)}, at most ${whole(highest)}`);
  draw(svg, values, MINUTES, 1 - (now_s - end) / WINDOW_S);
}

function showScoringTime(now) {
  const bins = Array(LATENCY_BOUNDS_MS.length).fill(0);
  for (const { at_ms, latencies } of reports) {
    if (at_ms > now - 60_000) latencies.forEach((count, i) => { bins[i] += count; });
  }
  byId("p50").textContent = quantile(bins, 0.5);
  byId("p99").textContent = quantile(bins, 0.99);
}

function quantile(bins, part) {
  const total = bins.reduce((a, b) => a + b, 0);
  let cumulative = 0;
  for (const [i, count] of bins.entries()) {
    cumulative += count;
    if (!total || cumulative < part * total) continue;
    return LATENCY_BOUNDS_MS[i] === Infinity ? "> 1,024 ms" : `≤ ${whole(LATENCY_BOUNDS_MS[i])} ms`;
  }
  return "–";
}

function showModels(now) {
  const sums = new Map();
  for (const { at_ms, models } of reports) {
    if (at_ms <= now - WINDOW_S * 1000) continue;
    for (const each of models) {
      const key = JSON.stringify([each.model, each.policy, each.decides]);
      const sum = sums.get(key) ?? { ...each, transactions: 0, reviews: 0, declines: 0, problems: 0 };
      for (const name of ["transactions", "reviews", "declines", "problems"]) sum[name] += each[name];
      sums.set(key, sum);
    }
  }
  const models = [...sums.values()].sort((a, b) => b.decides - a.decides || a.model.localeCompare(b.model));
  const alertRate = (each) => (each.transactions ? share((each.reviews + each.declines) / each.transactions) : "–");
  replace(byId("models"), models.map((each) => {
    const figures = [
      ["Transactions", whole(each.transactions)], ["Alert rate", alertRate(each)],
      ["Declines", whole(each.declines)], ["Not scored", whole(each.problems)],
    ];
    return element("li", [
      element("p", [each.model, " ", role(each)], "headline"),
      element("p", `Policy ${each.policy}`, "detail"),
      element("dl", figures.map(([name, value]) => element("div", [element("dt", name), element("dd", value)]))),
    ]);
  }));
  const champion = models.find((each) => each.decides && each.transactions);
  byId("alert-rate").textContent = champion ? alertRate(champion) : "–";
}

function role(model) {
  return model.decides ? element("span", "champion", "badge champion") : element("span", "challenger", "badge");
}

new ResizeObserver(show).observe(byId("rate-chart"));
