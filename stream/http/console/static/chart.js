// The chart of decisions per second: an area with axes, redrawn at the width that it has.

import { drawing, whole } from "./format.js";

const HEIGHT = 176;
const TOP = 10;
const BOTTOM = 26;
const RIGHT = 8;
const PIXELS_PER_CHARACTER = 7.5;
// Minimum width in pixels between two labels of the time axis.
const LABEL_WIDTH = 72;

// The smallest of 1, 2, 4, 5 and 10 times a power of ten that is not below a value, so that half of it is round, too.
export function niceMaximum(value) {
  if (value <= 2) return 2;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].find((factor) => factor * power >= value) * power;
}

// Draw values at equal distances. `minutes` is the length of the time axis, and `last` the share of it at which the
// newest value lies, because a period that has not ended has no value.
export function draw(svg, values, minutes, last) {
  const width = svg.clientWidth;
  if (!width) return;
  const maximum = niceMaximum(Math.max(...values));
  const ticks = [0, maximum / 2, maximum];
  const left = 12 + PIXELS_PER_CHARACTER * Math.max(...ticks.map((tick) => whole(tick).length));
  const bottom = HEIGHT - BOTTOM;
  const x = (position) => left + position * (width - left - RIGHT);
  const y = (value) => bottom - ((bottom - TOP) * value) / maximum;

  const grid = ticks.flatMap((tick) => [
    drawing("line", { class: tick ? "grid" : "axis", x1: left, x2: width - RIGHT, y1: y(tick), y2: y(tick) }),
    drawing("text", { x: left - 8, y: y(tick), "text-anchor": "end", "dominant-baseline": "middle" }, whole(tick)),
  ]);
  const step = (width - left - RIGHT) / minutes < LABEL_WIDTH ? minutes : 1;
  for (let minute = minutes; minute >= 0; minute -= step) {
    const position = x(1 - minute / minutes);
    const anchor = minute === 0 ? "end" : minute === minutes ? "start" : "middle";
    const text = minute === 0 ? "now" : `${minute} min ago`;
    grid.push(
      drawing("line", { class: "axis", x1: position, x2: position, y1: bottom, y2: bottom + 4 }),
      drawing("text", { x: position, y: HEIGHT - 6, "text-anchor": anchor }, text),
    );
  }
  const points = values.map((value, i) => `${x((i / (values.length - 1)) * last)},${y(value)}`).join(" ");
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.replaceChildren(
    ...grid,
    drawing("polygon", { class: "area", points: `${x(0)},${bottom} ${points} ${x(last)},${bottom}` }),
    drawing("polyline", { class: "curve", points }),
  );
}
