// The keys of the decision map: each presses a button that shows.
const all = (selector) => [...document.querySelectorAll(selector)].filter((e) => !e.closest("[hidden]"));
const press = (name) => all(".demo-" + name)[0]?.click();
const step = (which, by) => {
  const buttons = [...all(".demo-choice :has(> button)")[which].children];
  buttons[buttons.findIndex((b) => b.matches('.mod-active, [aria-pressed="true"]')) + by]?.click();
};
const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };
// Enter reveals even where a button has the focus, as it has after a click; Space presses that button. Who came to it by
// Tab presses it by Enter too.
let tabbed = false;
window.addEventListener("pointerdown", () => (tabbed = false), true);
const once = { r: "reveal", Enter: "reveal", l: "live", w: "world", n: "network", d: "dark", "?": "help" };
window.addEventListener("keydown", (event) => {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const digit = /^[1-9]$/.test(key) ? key : event.code.match(/^(?:Digit|Numpad)([1-9])$/)?.[1];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "Tab") tabbed = true;
  if (key === "Enter" && tabbed && document.activeElement.matches("button, a")) return;
  if (moves[key]) step(...moves[key]);
  else if (once[key]) event.repeat || press(once[key]); // a key that is held down counts hands, and switches once
  else if (digit) press("up-" + digit);
  else if (key === "Backspace") press("undo");
  else return;
  event.preventDefault();
  event.stopPropagation();
}, true);
