// How the console writes numbers, times and amounts, and how it makes elements: always as text, never as markup.

const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const wholeFormat = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const shareFormat = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 2 });
const decreaseFormat = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 0 });
const scoreFormat = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });

export const time = (ms) => timeFormat.format(ms);
export const whole = (value) => wholeFormat.format(value);
export const share = (value) => shareFormat.format(value);
// A decrease as a rounded share of the whole.
export const decrease = (value) => (value < 0.005 ? `< ${decreaseFormat.format(0.01)}` : `−${decreaseFormat.format(value)}`);
export const score = (value) => scoreFormat.format(value);

export function amount({ amount_minor, currency }) {
  if (amount_minor === null || !currency) return "";
  try {
    const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
    return format.format(amount_minor / 10 ** format.resolvedOptions().maximumFractionDigits);
  } catch {
    return `${amount_minor} ${currency}`;
  }
}

export const byId = (id) => document.getElementById(id);

export function element(tag, content, className) {
  const node = document.createElement(tag);
  node.append(...[content].flat());
  if (className) node.className = className;
  return node;
}

// A name that may be broken after its underscores rather than anywhere.
export function name(text) {
  return element("span", text.split(/(?<=_)/).flatMap((part) => [part, element("wbr", "")]), "feature");
}

export function drawing(tag, attributes, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
}
