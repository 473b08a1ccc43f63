// Words and regions: a word lights up what it adds to the map, a region shows where it is and which words it answers to.
import { change, draw } from "./drawing.js";
import { make, post, speech } from "./common.js";
import { box, outline, outlinesOf } from "./regions.js";

// The table takes the trunk once for every region: it is asked for where somebody has opened it.
export async function showWords(panel, state, restore, opening = false) {
  const { model, words } = panel, open = opening || (words.querySelector("details")?.open ?? false);
  if (!model.reads || !state.after.trim() || state.after.length > 300) return words.replaceChildren();
  const target = panel.token ?? (state.target === "reference" ? "predicted" : state.target);
  const found = await post("api/words", { picture: state.picture, model: model.name, text: state.after, target, method: state.method, regions: open }, panel.asking?.signal);
  const say = speech.say, canvas = panel.figures[1].canvas;
  const most = Math.max(...found.words.map((word) => word.bits ?? 0), 0.01);
  const strongest = Math.max(...found.words.flatMap((word) => word.regions.map(Math.abs)), 0.01);
  const names = found.regions.map((region, place) => region.name || say.ninth(place));
  const light = (word, number) => {
    cells.forEach((cell) => cell.classList.toggle("lit", cell.dataset.word === String(number)));
    draw(canvas, panel.picture, { values: word.change, rows: found.rows, columns: found.columns }, change, 1, 0.9);
    panel.figures[1].says.textContent = say.adds(word.text);
  };
  const outlines = found.regions.some((region) => region.name) ? (await outlinesOf(panel, state.picture)).seen : [];
  const point = (region) => {
    restore();
    const exact = outlines.find((each) => each.name === region.name);
    exact ? outline(canvas, exact) : box(canvas, region.box);
  };
  const cells = [];
  const touch = (button, on) => {
    for (const name of ["pointerenter", "focus", "click"]) button.addEventListener(name, on);
    for (const name of ["pointerleave", "blur"]) button.addEventListener(name, () => { restore(); cells.forEach((cell) => cell.classList.remove("lit")); });
    return button;
  };
  const line = make("p", { class: "said" });
  let end = 0;
  found.words.forEach((word, number) => {
    line.append(state.after.slice(end, word.start), touch(coloured(word, most), () => light(word, number)));
    end = word.end;
  });
  const head = make("tr", {}, make("td"), ...found.regions.map((region, place) => {
    const button = touch(make("button", { type: "button" }, names[place]), () => {
      point(region);
      cells.forEach((cell) => cell.classList.toggle("lit", cell.dataset.region === String(place)));
    });
    return make("th", { scope: "col" }, button);
  }));
  const rows = found.words.map((word, number) => make("tr", {},
    make("th", { scope: "row" }, touch(make("button", { type: "button" }, word.text), () => light(word, number))),
    ...word.regions.map((value, place) => {
      const cell = make("td", { "data-region": place, "data-word": number }, value.toFixed(2));
      cell.style.setProperty("--strength", `${Math.round(70 * Math.abs(value) / strongest)}%`);
      cell.classList.add(value < 0 ? "lost" : "gained");
      cells.push(cell);
      return cell;
    })));
  const alone = make("tr", { class: "alone" }, make("th", { scope: "row" }, say.evidence), ...found.regions.map((region) => make("td", {}, region.evidence.toFixed(2))));
  const summary = make("summary", {}, `${say.tableTitle} (${say.wordsOf(found.explained)})`);
  const table = make("div", { class: "scroll" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows, alone)));
  const details = make("details", {}, summary, ...(open ? [table] : []));
  details.open = open;
  details.addEventListener("toggle", () => { if (details.open && !open) showWords(panel, state, restore, true).catch((error) => refused(panel, error)); });
  words.inert = false;
  words.replaceChildren(make("h4", {}, say.wordsTitle), line, details);
  if (opening) summary.focus();
}

function refused(panel, error) {
  if (error.name !== "AbortError") panel.error.textContent = error.message;
}

function coloured(word, most) {
  const button = make("button", { type: "button", class: "word" }, word.text);
  button.style.setProperty("--strength", `${Math.round(80 * (word.bits ?? 0) / most)}%`);
  button.title = word.bits === null ? "–" : `${word.bits.toFixed(3)} bit, ${word.logit >= 0 ? "+" : ""}${word.logit.toFixed(2)} logit`;
  return button;
}
