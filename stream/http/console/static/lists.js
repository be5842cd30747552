// Lists of the newest items. Each shows its first few items, and a button shows all of them.

import { byId } from "./format.js";

// Numbers of items shown before the button is pressed.
const SHOWN = { alerts: 6, roles: 3, "dead-letters": 5, drift: 12 };

export function prepend(list, item, maximum) {
  list.prepend(item);
  while (list.children.length > maximum) list.lastElementChild.remove();
  refresh(list);
}

export function replace(list, items) {
  list.replaceChildren(...items);
  refresh(list);
}

function refresh(list) {
  const count = list.children.length;
  byId(`no-${list.id}`).hidden = count > 0;
  const button = byId(`more-${list.id}`);
  if (!button) return;
  const all = list.classList.contains("all");
  [...list.children].forEach((item, index) => { item.hidden = !all && index >= SHOWN[list.id]; });
  button.hidden = count <= SHOWN[list.id];
  button.textContent = all ? "Show fewer" : `Show all ${count}`;
  button.setAttribute("aria-expanded", String(all));
}

for (const id of Object.keys(SHOWN)) {
  byId(`more-${id}`).addEventListener("click", () => {
    byId(id).classList.toggle("all");
    refresh(byId(id));
  });
}
