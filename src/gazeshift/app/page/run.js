// A small study from the page: files go in one by one, a study runs on the server, its report comes out.
import { ask, find, make, post, query, speech } from "./common.js";

const KEY = "gazeshift-small", SHOWN = 5;
const run = { study: "", offer: null, status: null, sending: null, stopped: false, timer: 0 };

export async function beginRun() {
  run.offer = await ask("api/small/offer");
  find("run-open").hidden = false;
  find("run-most").max = run.offer.most.pictures;
  listen();
  offer();
  run.study = sessionStorage.getItem(KEY) ?? "";
  if (run.study) await follow();
  speakRun();
}

// What was said in words is said again: after every change, and in another language.
export function speakRun() {
  if (!run.offer) return;
  const { say } = speech, { status } = run, running = status?.state === "running", done = status?.state === "done";
  find("run-open").textContent = running ? `${say.runOpen} ${status.done}/${status.total}` : done ? `${say.runOpen} ✓` : say.runOpen;
  for (const label of find("run-edits").children) label.lastChild.textContent = say.edits[label.firstChild.value] ?? label.firstChild.value;
  find("run-form").hidden = running || done;
  find("run-progress").hidden = !running;
  find("run-found").hidden = !done;
  find("run-kept").textContent = run.sending ? say.runSending(...run.sending) : !status ? say.runNothing : `${run.stopped ? `${say.runStopped} ` : ""}${say.runKept(status.table, status.pictures)}`;
  find("run-start").disabled = Boolean(run.sending);
  if (running) progress(status, say);
  if (status?.state === "failed") tell(status.error);
  if (done) found(status, say);
}

function tell(sentence) {
  const error = find("run-error");
  if (error.textContent !== sentence) error.textContent = sentence;
}

function progress(status, say) {
  find("run-bar").max = status.total;
  find("run-bar").value = status.done;
  const [kind, ...rest] = (status.now ?? "report").replace(/ seed \d+$/, "").split(" ");
  const now = say.runStep([say.runKinds[kind] ?? kind, rest.join(" ").replace(" with ", " – ")].filter(Boolean).join(" "), Math.min(status.done + 1, status.total), status.total);
  if (find("run-now").textContent !== now) find("run-now").textContent = now; // said aloud once a step, not once a second
  const time = say.runSeconds(status.seconds);
  find("run-rest").textContent = status.rest === null ? say.runTook(time) : say.runRest(time, say.runSeconds(status.rest));
}

function found(status, say) {
  const { sentences, edits, rows } = status.found;
  const number = (value) => value === null ? "–" : value.toFixed(2), percent = (value) => value === null ? "–" : `${(100 * value).toFixed(0)} %`;
  find("run-missing").textContent = status.missing ? say.runMissing(status.missing) : "";
  find("run-first").textContent = sentences[0] ?? "";
  find("run-report").href = `report/${run.study}/report.html`;
  const head = make("tr", {}, make("th", { scope: "col" }, say.model), make("th", { scope: "col" }, say.runAccuracy), ...edits.map((name) => make("th", { scope: "col" }, say.edits[name] ?? name)));
  const body = rows.map((row) => make("tr", {}, make("th", { scope: "row" }, row.model), make("td", {}, percent(row.accuracy)), ...row.moved.map((value) => make("td", {}, number(value)))));
  find("run-table").replaceChildren(make("thead", {}, head), make("tbody", {}, ...body));
}

function offer() {
  const choice = (name, checked) => {
    const box = make("input", { type: "checkbox", value: name });
    box.checked = checked;
    return make("label", { class: "chip run-choice" }, box, make("span", {}, name));
  };
  find("run-models").replaceChildren(...run.offer.models.map((name, place) => choice(name, place < run.offer.most.models)));
  find("run-edits").replaceChildren(...run.offer.edits.map((name) => choice(name, run.offer.chosen.includes(name))));
}

function listen() {
  const dialog = find("run");
  find("run-open").addEventListener("click", () => { dialog.showModal(); speakRun(); });
  find("run-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && event.stopPropagation()); // the list behind it stays where it is
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    dialog.addEventListener(name, (event) => {
      event.preventDefault();
      event.stopPropagation();
      find("run-drop").classList.toggle("run-over", name === "dragenter" || name === "dragover");
    });
  }
  dialog.addEventListener("drop", (event) => send([...event.dataTransfer.files]));
  find("run-files").addEventListener("change", (event) => { send([...event.target.files]); event.target.value = ""; });
  find("run-form").addEventListener("submit", (event) => { event.preventDefault(); start(); });
  find("run-stop").addEventListener("click", stop);
  find("run-again").addEventListener("click", () => { run.status = { ...run.status, state: "gathering" }; speakRun(); find("run-files").focus(); });
}

// One file after the other; one that is refused does not keep the others out.
async function send(files) {
  if (run.sending || !files.length || ["running", "done"].includes(run.status?.state)) return;
  const refused = [];
  run.stopped = false;
  tell("");
  for (const [place, file] of files.entries()) {
    run.sending = [place + 1, files.length];
    speakRun();
    try {
      await opened();
      const kept = await ask(`api/small/drop?${query({ study: run.study, name: file.name })}`, { method: "POST", body: file, headers: { "content-type": "application/octet-stream" } });
      run.status = { ...kept, state: "gathering" }; // whatever became of an earlier run of these files
    } catch (error) {
      refused.push(error.message);
    }
  }
  run.sending = null;
  const more = refused.length - SHOWN;
  find("run-refused").replaceChildren(...[...refused.slice(0, SHOWN), ...(more > 0 ? [speech.say.runRefused(more)] : [])].map((sentence) => make("li", {}, sentence)));
  speakRun();
}

async function opened() {
  if (run.study) return;
  run.study = (await post("api/small/open", {})).study;
  sessionStorage.setItem(KEY, run.study);
}

const chosen = (id) => [...find(id).querySelectorAll("input:checked")].map((box) => box.value);

async function start() {
  const models = chosen("run-models"), edits = chosen("run-edits"), train = find("run-train").checked;
  if (!edits.length || !(models.length || train)) return tell(speech.say.runUnchosen);
  if (!run.status?.table) return tell(speech.say.runTableless);
  tell("");
  run.stopped = false;
  find("run-start").disabled = true;
  try {
    await opened();
    run.status = await post("api/small/start", { study: run.study, models, edits, train, pictures: Number(find("run-most").value) });
    speakRun();
    find("run-stop").focus();
    later();
  } catch (error) {
    tell(error.message);
    find("run-start").disabled = false;
  }
}

async function stop() {
  clearTimeout(run.timer);
  try {
    run.status = await post("api/small/stop", { study: run.study });
    run.stopped = run.status.state === "gathering";
    speakRun();
    find(run.status.state === "done" ? "run-report" : "run-start").focus();
  } catch (error) {
    tell(error.message);
  }
}

const later = () => { run.timer = setTimeout(follow, 1000); };

async function follow() {
  const before = run.status?.state;
  try {
    run.status = await post("api/small/status", { study: run.study });
  } catch (error) {
    if ([speech.say.failed, speech.say.broken].includes(error.message)) { tell(error.message); return later(); }
    if (before) tell(error.message);
    Object.assign(run, { study: "", status: null }); // the server no longer has it
    sessionStorage.removeItem(KEY);
    return speakRun();
  }
  if (before === "running") tell("");
  speakRun();
  if (run.status.state === "running") return later();
  if (before === "running" && find("run").open) find(run.status.state === "done" ? "run-report" : "run-start").focus();
}
