// The samples of a study, in the order of what it found.
import { find, make, post, speech } from "./common.js";

const CONTROLS = { model: "study-model", edit: "study-edit", measure: "study-measure", which: "study-which" };

// Fills the choices; a language changes their words and not what is chosen.
export function offerStudy(study, state) {
  find("study").hidden = !study;
  if (!study) { state["study-open"] = "false"; return; } // a link to a page with a study
  const { say } = speech;
  const choices = {
    model: study.models.map((name) => [name, name]),
    edit: study.edits.map((name) => [name, say.edits[name] ?? name]),
    measure: study.measures.map((name) => [name, say.measures[name] ?? name]),
    which: [["", say.everything], ...Object.entries(say.filters)],
  };
  for (const [name, id] of Object.entries(CONTROLS)) {
    find(id).replaceChildren(...choices[name].map(([value, text]) => make("option", { value }, text)));
    const known = choices[name].map(([value]) => value), first = { model: known[0], edit: known[0], measure: known[0], which: "" }[name];
    state[`study-${name}`] = known.includes(state[`study-${name}`]) ? state[`study-${name}`] : first;
    find(id).value = state[`study-${name}`];
  }
  find("study-rising").checked = state["study-rising"] === "true";
  find("study").open ||= state["study-open"] === "true";
}

export function listenStudy(state, changed) {
  for (const id of Object.values(CONTROLS)) find(id).addEventListener("change", (event) => { state[id] = event.target.value; changed(); });
  find("study-rising").addEventListener("change", (event) => { state["study-rising"] = String(event.target.checked); changed(); });
  find("study").addEventListener("toggle", (event) => { state["study-open"] = String(event.target.open); changed(); });
}

export const sorting = (state) => state["study-open"] === "true";

// Rows like the samples' own, each with the changed text and the value that it is sorted by.
export async function findings(state, start = 0) {
  const which = state["study-which"] ? [state["study-which"]] : [];
  const found = await post("api/findings", {
    model: state["study-model"], edit: state["study-edit"], measure: state["study-measure"], rising: state["study-rising"] === "true",
    which, label: state.label, search: state.search, start,
  });
  const rows = found.rows.map((row) => ({ ...row, after: row.text, note: row.value === null ? "–" : row.value.toFixed(2) }));
  return { total: found.total, samples: rows };
}
