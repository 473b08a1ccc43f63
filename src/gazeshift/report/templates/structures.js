"use strict";
const table = document.getElementById("every");
const body = table.tBodies[0];
const rows = [...body.rows];
const keep = [...document.querySelectorAll("#filter select")];
const only = document.getElementById("moves");
const count = document.getElementById("count");
function filter() {
  let shown = 0;
  for (const row of rows) {
    const fits = keep.every((each) => !each.value || row.dataset[each.name] === each.value);
    row.hidden = !(fits && (!only.checked || row.dataset.moves === "yes"));
    shown += row.hidden ? 0 : 1;
  }
  count.textContent = shown + " of " + rows.length + " models";
}
function sort(head) {
  const place = head.cellIndex;
  const down = head.getAttribute("aria-sort") !== "descending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = (row) => row.cells[place].dataset.value;
  rows.sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === "" || b === "") return (a === "") - (b === "");
    const order = isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
    return down ? -order : order;
  });
  body.append(...rows);
}
for (const head of table.tHead.rows[0].cells) {
  head.querySelector("button").addEventListener("click", () => sort(head));
}
for (const each of [...keep, only]) each.addEventListener("change", filter);
document.getElementById("filter").hidden = false;
filter();
