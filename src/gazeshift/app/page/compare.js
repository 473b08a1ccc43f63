// Two models, or two ways to ask one, over all pictures of the list: a few at a time, so that it can be watched and stopped.
import { ask, find, make, post, query, speech } from "./common.js";
import { save } from "./export.js";

const FIELDS = ["compare-one", "compare-other", "compare-one-text", "compare-other-text"];
const AT_ONCE = 4, LISTED = 60;
let rows = [], running = 0, refused = [];

export function offerCompare(house, state) {
  const names = house.models.map((model) => model.name);
  find("compare").hidden = !house.labels.length;
  for (const [place, id] of ["compare-one", "compare-other"].entries()) {
    find(id).replaceChildren(...names.map((name) => make("option", { value: name }, name)));
    if (!names.includes(state[id])) state[id] = names[Math.min(place, names.length - 1)] ?? "";
    find(id).value = state[id];
  }
  for (const id of FIELDS.slice(2)) find(id).value = state[id];
  find("compare").open ||= state["compare-open"] === "true";
  report();
}

export function listenCompare(state, changed, open) {
  for (const id of FIELDS) find(id).addEventListener("input", (event) => { state[id] = event.target.value; changed(); });
  find("compare").addEventListener("toggle", (event) => { state["compare-open"] = String(event.target.open); changed(); });
  find("compare-start").addEventListener("click", () => running ? stop() : start(state, open));
  find("compare-save").addEventListener("click", () => save(new Blob([csv()], { type: "text/csv" }), "gazeshift-compare.csv"));
}

function stop() {
  running = 0;
  find("compare-start").textContent = speech.say.compareStart;
}

async function start(state, open) {
  const mine = running = Date.now();
  rows = [];
  refused = [];
  find("compare-start").textContent = speech.say.compareStop;
  find("compare-progress").hidden = false;
  try {
    const pictures = await listed(state);
    if (!pictures.length) find("compare-says").textContent = speech.say.none;
    find("compare-progress").max = pictures.length || 1;
    const sides = { one: side(state, "one"), other: side(state, "other") };
    for (let at = 0; at < pictures.length && running === mine; at += AT_ONCE) {
      const found = await compared(pictures.slice(at, at + AT_ONCE), { ...sides, target: state.target, method: state.method });
      if (running !== mine) return;
      rows.push(...found);
      rows.sort(parted);
      find("compare-progress").value = rows.length + refused.length;
      report(open);
    }
  } catch (error) {
    if (error.name !== "AbortError" && running === mine) find("compare-says").textContent = error.message;
  }
  if (running === mine) stop();
}

// A picture that cannot be opened is left out and said, and does not keep the others out.
async function compared(pictures, asked) {
  try {
    return await post("api/apart", { pictures, ...asked });
  } catch (error) {
    if (error.status !== 422) throw error;
    if (pictures.length > 1) return [...await compared(pictures.slice(0, 1), asked), ...await compared(pictures.slice(1), asked)];
    refused.push(error.message);
    return [];
  }
}

const side = (state, which) => ({ model: state[`compare-${which}`], text: state[`compare-${which}-text`] });

// Where the answers part first, then where the maps do.
const parted = (a, b) => Number(b.differ ?? false) - Number(a.differ ?? false) || (b.js_distance ?? -1) - (a.js_distance ?? -1);

// All pictures that the search and the class leave.
async function listed(state) {
  const pictures = [];
  for (let total = 1; pictures.length < total;) {
    const found = await ask(`api/samples?${query({ search: state.search, label: state.label, start: pictures.length })}`);
    if (!found.samples.length) break;
    total = found.total;
    pictures.push(...found.samples.map((sample) => sample.picture));
  }
  return pictures;
}

function report(open) {
  const { say } = speech, known = rows.filter((row) => row.differ !== null);
  find("compare-save").hidden = !rows.length;
  const left = refused.length ? say.compareLeft(refused.length, refused[0]) : "";
  if (!rows.length) { find("compare-says").textContent = left; return find("compare-rows").replaceChildren(); }
  const distances = rows.map((row) => row.js_distance).filter((value) => value !== null).sort((a, b) => a - b);
  const right = (which) => rows.filter((row) => row[which].right).length;
  const found = say.compared(rows.length, known.length ? known.filter((row) => row.differ).length : null, right("one"), right("other"), median(distances));
  find("compare-says").textContent = `${found} ${left}`.trim();
  if (open) find("compare-rows").replaceChildren(...rows.slice(0, LISTED).map((row) => entry(row, open)));
}

function entry(row, open) {
  const image = make("img", { src: `api/thumbnail?${query({ picture: row.picture })}`, alt: "", loading: "lazy" });
  const mark = (answer) => make("span", { class: answer.right === false ? "wrong" : "right" }, `${answer.predicted}${answer.right === false ? " ✗" : answer.right ? " ✓" : ""}`);
  const button = make("button", { type: "button", "data-picture": row.picture, title: `${row.one.text}\n${row.other.text}` }, image,
    make("span", { class: "sides" }, mark(row.one), mark(row.other)),
    make("span", { class: "share" }, row.js_distance === null ? "–" : row.js_distance.toFixed(2)));
  button.addEventListener("click", () => open(row.picture, row.one.text, row.other.text));
  return make("li", row.differ ? { class: "differ" } : {}, button);
}

function median(sorted) {
  const half = Math.floor(sorted.length / 2);
  return sorted.length ? sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2 : null;
}

function csv() {
  const cell = (value) => value === null || value === undefined ? "" : `"${String(value).replace(/^([=+\-@\t\r])/, "'$1").replaceAll('"', '""')}"`;
  const line = (row) => [row.picture, row.label, row.one.text, row.one.predicted, row.one.probability, row.other.text, row.other.predicted, row.other.probability, row.differ, row.js_distance];
  const head = ["picture", "label", "one_text", "one_predicted", "one_probability", "other_text", "other_predicted", "other_probability", "differ", "js_distance"];
  return [head, ...rows.map(line)].map((each) => each.map(cell).join(",")).join("\r\n");
}
