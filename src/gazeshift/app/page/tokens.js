// A model that answers in its own words: its answer is written out, and each of its tokens can be touched to see what it rests on.
import { make, speech } from "./common.js";

// Shows the answer to the text before, whose maps are shown, and the one to the text after where it is another.
export function showAnswer(panel, found, touched) {
  const { say } = speech, own = found.looks[1].said;
  panel.answer.replaceChildren();
  if (!found.tokens.length) return;
  const chips = found.tokens.map((token) => {
    const pressed = panel.token === token.target;
    const chip = make("button", { type: "button", class: "token", "aria-pressed": String(pressed) }, token.word || "␣");
    chip.title = token.probabilities.map((share) => `${Math.round(100 * share)} %`).join(" → ");
    chip.addEventListener("click", () => touched(pressed ? null : token.target));
    return chip;
  });
  const same = own.join(" ") === found.looks[0].said.join(" ");
  panel.answer.append(
    make("h4", {}, say.answerTitle), make("p", { class: "said" }, ...chips),
    make("p", { class: "small" }, same ? say.sameAnswer : say.otherAnswer(own.join(" "))),
  );
}
