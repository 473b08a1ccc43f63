// Ready changes of the text: one click each, all in a strip, and back again.
import { draw, evidence } from "./drawing.js";
import { find, make, post, speech } from "./common.js";

const past = [];
let draws = 0, offered = [];

// Asks for the changes of a text and shows one button each; those that do not apply are there, but cannot be pressed.
export async function offer(picture, text, apply) {
  offered = picture ? await post("api/edits", { picture, text, draw: draws }) : [];
  find("chips").replaceChildren(...offered.map((one) => {
    const button = make("button", { type: "button", class: "chip", "data-edit": one.edit }, speech.say.edits[one.edit] ?? one.edit);
    if (one.text === null) button.disabled = true;
    else button.title = one.text || "∅";
    button.addEventListener("click", () => apply(one.text));
    return button;
  }));
}

export function relabel() {
  for (const chip of find("chips").children) chip.textContent = speech.say.edits[chip.dataset.edit] ?? chip.dataset.edit;
}

export const again = () => { draws += 1; };

export function remember(text) {
  if (past.at(-1) !== text) past.push(text);
  allowUndo(text);
}

// Another picture: its texts are no way back from this one's.
export function forget(text) {
  past.splice(0, past.length, text);
  allowUndo(text);
}

// Back to the last text that was rested on, which need not be the one before the last keystroke.
export function undo(text) {
  if (past.at(-1) === text && past.length > 1) past.pop();
  return past.at(-1) ?? text;
}

export const allowUndo = (text) => { find("undo").disabled = past.at(-1) === text ? past.length < 2 : !past.length; };

// Every change that applies, with its map on the page's scale, by one model: one request.
export async function strip(panel, state) {
  const there = offered.filter((one) => one.text !== null);
  const texts = [state.before, ...there.map((one) => one.text)];
  const found = await post("api/gaze", { picture: state.picture, model: panel.model.name, texts, target: panel.token ?? state.target, method: state.method });
  const cells = found.rows * found.columns;
  const paints = [];
  const figures = found.looks.map((look, place) => {
    const canvas = make("canvas", { role: "img", "aria-label": speech.say.describe(panel.model.name, look.text, look.explained) });
    paints.push((top, opacity) => draw(canvas, panel.picture, look.mass && { values: look.mass, rows: found.rows, columns: found.columns }, evidence, top / cells, opacity));
    const name = place ? speech.say.edits[there[place - 1].edit] ?? there[place - 1].edit : speech.say.beforeMap;
    const moved = place ? found.moved[place - 1].js_distance : null;
    const says = make("figcaption", {}, make("b", {}, name), make("q", {}, look.text || "∅"), make("span", {}, `${look.explained}${moved === null ? "" : ` · ${moved.toFixed(2)}`}`));
    return make("figure", {}, canvas, says);
  });
  panel.strip.replaceChildren(...figures);
  const top = cells * Math.max(...found.looks.flatMap((look) => look.mass ?? []), 0);
  return { top, paint: (...how) => paints.forEach((paint) => paint(...how)) };
}
