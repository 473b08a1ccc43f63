// Files of what is seen: made by the server from the models themselves, not from the page's pixels.
import { find, send, speech } from "./common.js";

export function save(content, name) {
  const address = URL.createObjectURL(content), link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

const ENDINGS = { png: "png", svg: "svg", npz: "npz", json: "json", python: "py" };

export function listenExport(state, models, tell) {
  for (const button of find("save").querySelectorAll("button[data-export]")) {
    button.addEventListener("click", async () => {
      const kind = button.dataset.export, { picture, before, after, target, method } = state;
      if (!picture) return tell(speech.say.choose);
      button.disabled = true;
      tell(speech.say.saving);
      try {
        const answer = await send(`api/export/${kind}`, { picture, models: models(), texts: [before, after], target, method });
        save(await answer.blob(), `gazeshift.${ENDINGS[kind]}`);
        tell(speech.say.saved(`gazeshift.${ENDINGS[kind]}`));
      } catch (error) {
        if (error.name !== "AbortError") tell(error.message);
      }
      button.disabled = false;
    });
  }
  const menu = find("save");
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  find("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      tell(speech.say.copied);
    } catch {
      tell(speech.say.notCopied(location.href));
    }
  });
}
