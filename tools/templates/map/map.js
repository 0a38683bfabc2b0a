// Every state is in the page already, written by Python. This counts hands and says which parts show: those of the
// place where we are (data-at); which of them the answer and the keys hide, the style sheet says (data-if).
const page = document.querySelector(".demo-page"), rows = all(".demo-row");
const everything = (selector) => page.querySelectorAll(selector); // what is hidden too
const hands = {}; // from a place to the ways for which hands went up there, in their order
const left = {}; // from a world to the place where we were in it
const places = [...everything(".demo-choice")].map((choice) => choice.dataset.at);
const notice = document.getElementById("closed");
const worldOf = (address) => address.split("/")[0];
let here = "";

function go(address) {
  const button = document.activeElement.name;
  left[worldOf(address)] = here = address;
  everything("[data-at]").forEach((part) => (part.hidden = !part.dataset.at.split(" ").includes(address)));
  if (button) all(`button[name="${button}"]`)[0]?.focus(); // its like has taken its place
  location.replace("#" + address); // so that the page opens here again
  turn("demo-revealed", false); // another place is another question
}

function turn(name, on) {
  page.classList.toggle(name, on);
  const pressed = page.classList.contains(name);
  everything(`[data-switch="${name}"]`).forEach((button) => button.setAttribute("aria-pressed", pressed));
  draw();
}

function draw() {
  const up = (hands[here] ??= []), counts = rows.map((_, way) => up.filter((hand) => hand === way).length);
  rows.forEach((row, way) => {
    const share = Math.round((100 * counts[way]) / Math.max(1, up.length)) + "%";
    row.querySelector(".demo-way b:last-child").textContent = counts[way];
    row.querySelectorAll(".hands").forEach((bar) => (bar.style.width = share));
    row.querySelectorAll(".share").forEach((words) => (words.textContent = up.length ? share : ""));
    row.querySelectorAll(".track").forEach((bar) => {
      bar.setAttribute("aria-label", bar.getAttribute("aria-label").replace(/\d+%/, share)); // the first is that of hands
    });
  });
  const counted = page.querySelector(".demo-answer p");
  counted.innerHTML = counted.innerHTML.replace(/\d+/, up.length);
  const most = Math.max(...counts), alone = counts.indexOf(most) === counts.lastIndexOf(most);
  const says = document.getElementById("rooms").children[alone ? counts.indexOf(most) : rows.length];
  everything(".room").forEach((room) => (room.innerHTML = up.length ? says.innerHTML : ""));
  notice.hidden = true;
}

function vote(what, way) {
  const up = hands[here];
  if (page.classList.contains("demo-revealed")) return (notice.hidden = false);
  if (what === "up") up.push(way);
  else if (what === "undo") up.pop();
  else if (up.includes(way)) up.splice(up.lastIndexOf(way), 1);
  draw();
}

page.addEventListener("click", (event) => {
  const button = event.target.closest("button"), { to, hand, switch: name } = button?.dataset ?? {};
  if (name) turn(name);
  else if (hand) vote(hand, rows.indexOf(button.closest(".demo-row")));
  else if (to) go(button.name === "world" ? (left[worldOf(to)] ?? to) : to);
});

const asked = location.hash.slice(1);
go(places.includes(asked) ? asked : places[0]);
turn("demo-night", matchMedia("(prefers-color-scheme: dark)").matches); // it opens as the machine is set; d changes it
