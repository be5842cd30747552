// Drift: for each feature and the score, the PSI of the champion's newest windows against its limit, the worst first.

import { byId, drawing, element, name, time, whole } from "./format.js";
import { replace } from "./lists.js";

const MAX_WINDOWS = 24;
// Maximum number of reports kept, for the champion and a few challengers.
const MAX_REPORTS = MAX_WINDOWS * 4;
// The height of the drawing is this many times the limit; a higher bar is cut off there.
const SCALE = 1.5;
// Number of windows for which there is space at least, so that the first window is not drawn as one wide bar.
const MIN_WIDTH = 12;
const STATES = {
  page: "severe drift", alarm: "drift alarm", high: "above limit", ok: "within limit", unknown: "no reference",
};
const SEVERITY = Object.keys(STATES);

let reports = [];

export function reset(all) {
  reports = all;
  show();
}

export function add(report) {
  reports = [...reports, report].slice(-MAX_REPORTS);
  show();
}

function show() {
  const newest = reports.filter((each) => each.decides).at(-1);
  if (!newest) {
    replace(byId("drift"), []);
    return;
  }
  const windows = reports.filter((each) => each.model === newest.model).slice(-MAX_WINDOWS);
  const columns = Object.entries(newest.columns).map(([column, [psi, limit, state]]) => ({ column, psi, limit, state }));
  const excess = ({ psi, limit }) => (psi !== null && limit ? psi / limit : 0);
  columns.sort((a, b) => SEVERITY.indexOf(a.state) - SEVERITY.indexOf(b.state) || excess(b) - excess(a));
  replace(byId("drift"), columns.map((each) => row(each, windows)));
  const above = columns.filter(({ state }) => SEVERITY.indexOf(state) < SEVERITY.indexOf("ok")).length;
  byId("drift-summary").textContent = `Model ${newest.model}, ${time(newest.at_ms)}: `
    + `${whole(above)} of ${whole(columns.length)} columns above their limit`;
}

function row({ column, psi, limit, state }, windows) {
  const value = psi === null ? "–" : psi.toFixed(2);
  return element("li", [
    name(column),
    bars(column, windows),
    element("span", [element("strong", value), limit === null ? "" : ` of ${limit.toFixed(2)}`], "psi"),
    element("span", STATES[state], `badge ${state}`),
  ]);
}

function bars(column, windows) {
  const width = Math.max(windows.length, MIN_WIDTH);
  const svg = drawing("svg", {
    class: "windows", viewBox: `0 0 ${width} 1`, preserveAspectRatio: "none", role: "img",
  });
  const first = width - windows.length;
  const values = windows.map((window, i) => {
    const [psi, limit, state] = window.columns[column] ?? [null, null, "unknown"];
    const height = psi === null || !limit ? 0 : Math.min(psi / (limit * SCALE), 1);
    const bar = drawing("rect", { class: state, x: first + i + 0.1, width: 0.8, y: 1 - height, height });
    const text = psi === null ? STATES.unknown : `${psi.toFixed(2)}, ${STATES[state]}`;
    bar.append(drawing("title", {}, `${time(window.at_ms)}: ${text}`));
    svg.append(bar);
    return psi === null ? "none" : psi.toFixed(2);
  });
  const line = { class: "limit", x1: 0, x2: width, y1: 1 - 1 / SCALE, y2: 1 - 1 / SCALE };
  svg.append(drawing("line", line));
  svg.setAttribute("aria-label", `PSI of ${column} by window: ${values.join(", ")}`);
  return svg;
}
