import { ask, find, make, post, query, soon, speech } from "./common.js";
import { listenCompare, offerCompare } from "./compare.js";
import { change, draw, evidence, legend } from "./drawing.js";
import { again, allowUndo, forget, offer, relabel, remember as note, strip, undo } from "./edits.js";
import { listenExport } from "./export.js";
import { named, outline, outlinesOf } from "./regions.js";
import { beginRun, speakRun } from "./run.js";
import { findings, listenStudy, offerStudy, sorting } from "./study.js";
import { showWords } from "./table.js";
import { showAnswer } from "./tokens.js";
import { WORDS } from "./words.js";

const state = { language: "en", picture: "", before: "", after: "", target: "predicted", method: "default", opacity: 80, regions: "false", search: "", label: "", "study-model": "", "study-edit": "", "study-measure": "", "study-which": "", "study-rising": "false", "study-open": "false", "compare-one": "", "compare-other": "", "compare-one-text": "{text}", "compare-other-text": "{text}", "compare-open": "false" };
const LONGEST = 2000; // characters of a text that the server takes
const house = { models: [], methods: [], labels: [], study: null, regions: false, small: false };
const scale = { top: 1, most: 1 };
const panels = new Map();
let { say } = speech;

const tell = (sentence) => { find("told").textContent = sentence; };

// The state is in the address, so that a link restores it; not with every key, which browsers refuse after some 200.
const remember = soon(100, () => history.replaceState(null, "", `#${query(state)}`));

function recall() {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) if (Object.hasOwn(state, name)) state[name] = value;
  for (const [name, most] of [["before", LONGEST], ["after", LONGEST], ["search", 200]]) state[name] = state[name].slice(0, most);
  if (!Object.hasOwn(WORDS, state.language)) state.language = "en";
  if (!(state.opacity >= 0 && state.opacity <= 100)) state.opacity = 80;
}

function speak() {
  say = speech.say = WORDS[state.language];
  document.documentElement.lang = state.language;
  find("language").textContent = say.other;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say[element.dataset.say];
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", say[element.dataset.label]);
    if (element.tagName === "INPUT") element.placeholder = say[element.dataset.label];
  }
  if (!house.methods.includes(state.method)) state.method = "default";
  if (!house.labels.includes(state.label)) state.label = "";
  options(find("labels"), [["", say.all], ...house.labels.map((name) => [name, name])], state.label);
  options(find("method"), house.methods.map((name) => [name, name === "default" ? say.standard : name]), state.method);
  offerStudy(house.study, state);
  offerCompare(house, state);
  relabel();
  speakRun();
  targets();
}

function options(select, choices, chosen) {
  select.replaceChildren(...choices.map(([value, text]) => make("option", { value }, text)));
  select.value = chosen;
}

function targets() {
  const classes = [...new Set(house.models.flatMap((model) => model.classes))].sort();
  const known = state.picture.startsWith("pair-") ? ["label"] : [];
  const roles = ["predicted", "reference", ...known].map((name) => [name, say[name]]);
  if (![...roles.map(([name]) => name), ...classes].includes(state.target)) state.target = "predicted";
  options(find("target"), [...roles, ...classes.map((name) => [name, name])], state.target);
}

async function listSamples(start = 0) {
  const found = sorting(state) ? await findings(state, start) : await ask(`api/samples?${query({ search: state.search, label: state.label, start })}`);
  const list = find("samples");
  if (!start) list.replaceChildren();
  list.append(...found.samples.map(thumbnail));
  const none = state.search ? say.none : state.label || sorting(state) ? say.noneLeft : say.nodata;
  find("found").textContent = found.total ? say.found(found.total, list.children.length) : none;
  find("more").hidden = list.children.length >= found.total;
}

function thumbnail(sample) {
  const image = make("img", { src: `api/thumbnail?${query({ picture: sample.picture })}`, alt: "", loading: "lazy" });
  const button = make("button", { type: "button", title: sample.text, "aria-pressed": String(sample.picture === state.picture) });
  button.append(image, make("span", {}, sample.note === undefined ? sample.label : `${sample.note} ${sample.label}`));
  button.addEventListener("click", () => choose(sample.picture, sample.own ?? sample.text, sample.after));
  button.dataset.picture = sample.picture;
  return make("li", {}, button);
}

function choose(picture, before, after = before) {
  Object.assign(state, { picture, before: before.slice(0, LONGEST), after: after.slice(0, LONGEST) });
  find("before").value = state.before;
  find("after").value = state.after;
  forget(state.after);
  for (const button of find("samples").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.picture === picture));
  }
  targets();
  look();
  if (Math.max(before.length, after.length) > LONGEST) tell(say.cut(LONGEST));
}

// One panel for each model, made once: while a text is typed only numbers and pixels change.
function panelOf(model) {
  const figures = ["beforeMap", "afterMap", "difference"].map((name) => {
    const canvas = make("canvas", { role: "img" }), says = make("p", { class: "explains" });
    return { name, canvas, says, figure: make("figure", {}, make("figcaption", { "data-say": name }, say[name]), canvas, says) };
  });
  const sentence = make("p", { class: "sentence" }), numbers = make("dl", { class: "numbers" }), error = make("p", { class: "error", role: "alert" });
  const tops = make("div", { class: "tops" }), words = make("section", { class: "words" }), strip = make("div", { class: "strip" });
  const answer = make("section", { class: "answer" }), areas = make("p", { class: "areas small" });
  const element = make("article", { class: "model" }, make("h3", {}, model.name), sentence, error);
  element.append(make("div", { class: "maps" }, ...figures.map((each) => each.figure)), tops, numbers, areas, answer, words, strip);
  find("models").append(element);
  return {
    model, element, figures, sentence, numbers, tops, areas, answer, words, strip, error,
    picture: new Image(), shown: "", found: null, asking: null, token: null, strips: null, outlined: "", outlines: null,
  };
}

async function look() {
  remember();
  allowUndo(state.after);
  if (!state.picture) return tell(say.choose);
  tell("");
  explore.cancel();
  for (const panel of panels.values()) {
    panel.strip.replaceChildren();
    panel.strips = null;
    panel.words.inert = true; // not seen, but in their place, so that nothing jumps
  }
  await Promise.all([...panels.values()].map(lookWith));
  explore();
}

// What takes longer waits until nobody types.
const explore = soon(350, async () => {
  note(state.after);
  try {
    await offer(state.picture, state.before, write);
    for (const panel of panels.values()) if (!panel.error.textContent) await showWords(panel, state, () => show(panel));
    if ([...panels.values()].some((panel) => panel.strips)) await showStrips(); // of other words now, or in another language
  } catch (error) {
    if (error.name !== "AbortError") tell(error.message);
  }
});

function back(text) {
  state.after = find("after").value = text.slice(0, LONGEST);
  look();
}

function write(text) {
  note(state.after);
  note(text);
  back(text);
}

async function showStrips() {
  try {
    for (const panel of panels.values()) {
      panel.strips = await strip(panel, state);
      show(panel);
    }
  } catch (error) {
    if (error.name !== "AbortError") tell(error.message);
  }
}

async function lookWith(panel) {
  panel.asking?.abort();
  panel.asking = new AbortController();
  const { picture, before, after, target, method } = state;
  if (panel.asked !== `${picture} ${before}`) panel.token = null; // another answer has other tokens
  panel.asked = `${picture} ${before}`;
  const asked = { picture, model: panel.model.name, texts: [before, after], target: panel.token ?? target, method };
  const about = query({ picture, target, method });
  panel.element.setAttribute("aria-busy", "true");
  try {
    const known = !panel.model.reads && panel.about === about; // another text, and a model that reads none
    const [found] = await Promise.all([
      known ? panel.found : post("api/gaze", asked, panel.asking.signal), showPicture(panel, picture),
      state.regions === "true" ? outlinesOf(panel, picture) : null,
    ]);
    found.looks.forEach((each, place) => { each.text = asked.texts[place]; });
    Object.assign(panel, { found, about });
    panel.error.textContent = "";
    panel.element.classList.remove("stale");
    show(panel);
    Object.assign(panel.element.dataset, { picture, before, after, target, method }); // what is drawn now, for whoever waits for it
  } catch (error) {
    if (error.name === "AbortError") return;
    panel.error.textContent = error.message;
    panel.element.classList.add("stale"); // what is drawn is not what was asked for
  }
  panel.element.removeAttribute("aria-busy");
}

async function showPicture(panel, picture) {
  if (panel.shown === picture) return;
  panel.picture.src = `api/view?${query({ picture, model: panel.model.name })}`;
  panel.shown = "";
  await panel.picture.decode().catch(() => ask(panel.picture.src)); // which says in a sentence what is wrong with it
  panel.shown = picture;
}

// All maps share one scale: how many times the share of an even map a cell has, so that grids of any size can be compared.
function show(panel) {
  if (!panel.found || !panel.picture.naturalWidth) return;
  describe(panel);
  const ready = [...panels.values()].filter((each) => each.found && each.picture.naturalWidth);
  const values = ready.map((each) => densities(each));
  const top = round(Math.max(...values.flatMap(({ before, after }) => [...before ?? [], ...after ?? []]), 1));
  const most = round(Math.max(...values.flatMap(({ both }) => (both ?? []).map(Math.abs)), top / 4));
  const same = top === scale.top && most === scale.most;
  Object.assign(scale, { top, most });
  scales();
  (same ? [panel] : ready).forEach(paint);
}

function densities({ found }) {
  const cells = found.rows * found.columns, [before, after] = found.looks.map((look) => look.mass && look.mass.map((mass) => mass * cells));
  return { before, after, both: before && after ? before.map((value, cell) => after[cell] - value) : null };
}

// The next of 1, 1.5, 2, 3, 4, 6, 8, ...: a scale that stays while one types.
function round(value) {
  const half = 2 ** Math.floor(Math.log2(value));
  return [1, 1.5, 2].map((step) => step * half).find((step) => step >= value - 1e-9);
}

function paint(panel) {
  const { found, figures } = panel, opacity = state.opacity / 100, { before, after, both } = densities(panel);
  const grid = (values) => values && { values, rows: found.rows, columns: found.columns };
  [before, after].forEach((values, place) => draw(figures[place].canvas, panel.picture, grid(values), evidence, scale.top, opacity));
  draw(figures[2].canvas, panel.picture, grid(both), change, scale.most, opacity);
  panel.strips?.paint(scale.top, opacity);
  const regions = state.regions === "true" && panel.outlined === state.picture ? panel.outlines : null;
  for (const each of regions?.seen ?? []) figures.forEach(({ canvas }) => outline(canvas, each));
  panel.areas.textContent = regions ? `${say.regions}: ${named(regions)}` : "";
}

function describe(panel) {
  const { found, figures, model } = panel, [first, second] = found.looks;
  [first, second].forEach((each, place) => {
    figures[place].canvas.setAttribute("aria-label", say.describe(model.name, each.text, each.explained));
    figures[place].says.textContent = each.mass ? each.explained : `${say.undefinedMap}: ${each.reason}`;
  });
  const distance = found.moved[0].js_distance;
  figures[2].canvas.setAttribute("aria-label", `${say.difference}: ${say.distance} ${distance === null ? "–" : distance.toFixed(2)}`);
  const classes = [first.explained, second.explained];
  figures[2].says.textContent = classes[0] === classes[1] ? say.same(classes[0]) : say.switched(...classes);
  panel.sentence.textContent = model.reads ? model.sentence ?? say.unknown : say.silent;
  panel.tops.replaceChildren(topClasses(first, say.before), topClasses(second, say.after));
  panel.numbers.replaceChildren(...numbersOf(found));
  showAnswer(panel, found, (token) => { panel.token = token; lookWith(panel).then(explore); });
}

function topClasses(look, name) {
  const list = make("ol", { "aria-label": name });
  for (const guess of look.top.slice(0, 3)) {
    const share = guess.probability ?? 0, bar = make("span", { class: "bar" });
    bar.style.width = `${100 * share}%`;
    list.append(make("li", {}, bar, make("span", { class: "name" }, guess.name), make("span", { class: "share" }, guess.probability === null ? "" : `${Math.round(100 * share)} %`)));
  }
  const remarks = [look.unread && say.unread, look.truncated && say.truncated, look.note].filter(Boolean);
  return make("div", {}, make("p", { class: "small", "aria-hidden": "true" }, name), list, ...remarks.map((remark) => make("p", { class: "small" }, remark)));
}

function numbersOf(found) {
  const [moved] = found.moved, [first, second] = found.looks;
  const number = (value, digits = 3) => value === null ? "–" : value.toFixed(digits);
  const pair = (name) => `${number(first[name])} → ${number(second[name])}`;
  const rows = [
    [say.distance, number(moved.js_distance)], [say.switchPart, `${number(moved.switch)} bit`], [say.within, `${number(moved.within)} bit`],
    [say.centre, pair("centre_bias")], [say.coverage, pair("coverage")], [say.amplitude, pair("amplitude")],
  ];
  return rows.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));
}

function scales() {
  const opacity = state.opacity / 100;
  legend(find("scale"), evidence, 0, opacity);
  legend(find("differences"), change, -1, opacity);
  const more = [...panels.values()].some((panel) => panel.strips?.top > scale.top);
  find("scale-says").textContent = say.shareOf(more ? say.orMore(scale.top) : scale.top);
  find("differences-says").textContent = say.differenceOf(scale.most);
}

function listen() {
  const searched = soon(120, () => listSamples().catch((error) => tell(error.message)));
  for (const name of ["before", "after"]) find(name).addEventListener("input", (event) => { state[name] = event.target.value; look(); });
  find("regions").addEventListener("change", (event) => { state.regions = String(event.target.checked); look(); });
  find("more").addEventListener("click", () => listSamples(find("samples").children.length).catch((error) => tell(error.message)));
  listenExport(state, () => [...panels.keys()], tell);
  listenCompare(state, remember, choose);
  for (const name of ["target", "method"]) find(name).addEventListener("change", (event) => { state[name] = event.target.value; look(); });
  find("opacity").addEventListener("input", (event) => { state.opacity = Number(event.target.value); remember(); panels.forEach(show); });
  find("search").addEventListener("input", (event) => { state.search = event.target.value; remember(); searched(); });
  find("labels").addEventListener("change", (event) => { state.label = event.target.value; remember(); searched(); });
  find("language").addEventListener("click", () => { state.language = state.language === "en" ? "ja" : "en"; speak(); listSamples(); panels.forEach(show); explore(); remember(); });
  listenStudy(state, () => { remember(); searched(); });
  find("undo").addEventListener("click", () => back(undo(state.after)));
  find("all").addEventListener("click", showStrips);
  find("again").addEventListener("click", () => { again(); explore(); });
  find("file").addEventListener("change", (event) => event.target.files[0] && drop(event.target.files[0]));
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
  document.addEventListener("drop", (event) => event.dataTransfer.files[0] && drop(event.dataTransfer.files[0]));
  document.addEventListener("keydown", step);
  window.addEventListener("hashchange", () => { recall(); fill(); look(); });
}

async function drop(file) {
  try {
    const { picture } = await ask("api/drop", { method: "POST", body: file, headers: { "content-type": "application/octet-stream" } });
    choose(picture, state.before);
  } catch (error) {
    tell(error.message);
  }
}

// Left and right go through the list, unless somebody is writing.
function step(event) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by || ["TEXTAREA", "INPUT", "SELECT"].includes(event.target.tagName)) return;
  const buttons = [...find("samples").querySelectorAll("button")];
  const next = buttons[buttons.findIndex((button) => button.dataset.picture === state.picture) + by];
  next?.click();
  next?.focus();
}

function fill() {
  for (const name of ["before", "after", "search"]) find(name).value = state[name];
  find("opacity").value = state.opacity;
  find("regions").checked = state.regions === "true";
  find("regions-row").hidden = !house.regions;
  speak();
}

async function begin() {
  recall();
  Object.assign(house, await ask("api/house"));
  for (const model of house.models) panels.set(model.name, panelOf(model));
  fill();
  listen();
  if (house.small) beginRun().catch((error) => tell(error.message));
  scales();
  await listSamples();
  const first = find("samples").querySelector("button");
  if (!state.picture && first) first.click();
  else await look();
}

begin().catch((error) => tell(error.message));
