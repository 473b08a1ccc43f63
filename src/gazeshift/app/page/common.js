// What every part of the page uses: elements, the server, and the language.
import { WORDS } from "./words.js";

export const find = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const speech = { say: WORDS.en };
// Not randomUUID: that is missing where the page is opened by another name than this machine's own, without https.
const page = crypto.getRandomValues(new Uint32Array(4)).join("-");

// What the server refuses comes as one sentence. What a newer question replaced is nobody's business; but the server knows only which came
// last, and of two sent at once that may be the older: who still waits for an answer asks again.
async function answered(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { "x-page": page, ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(speech.say.failed);
  }
  if (answer.status === 409) return answered(path, options);
  if (!answer.ok) throw Object.assign(new Error(await refusal(answer)), { status: answer.status });
  return answer;
}

// In JSON from the routes, bare from the doors before them; a server that failed itself has no sentence for readers.
async function refusal(answer) {
  if (answer.status >= 500) return speech.say.broken;
  const said = await answer.text().catch(() => "");
  try {
    return JSON.parse(said).error ?? speech.say.failed;
  } catch {
    return said || speech.say.failed;
  }
}

export const ask = async (path, options) => (await answered(path, options)).json();

// The answer itself, where it is no JSON.
export const send = (path, body, signal) =>
  answered(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" }, signal });

export const post = async (path, body, signal) => (await send(path, body, signal)).json();

export const query = (values) => new URLSearchParams(values).toString();

export function soon(wait, work) {
  let timer;
  const later = (...values) => { clearTimeout(timer); timer = setTimeout(() => work(...values), wait); };
  later.cancel = () => clearTimeout(timer);
  return later;
}
