"""From a key to the picture: ``python benchmarks/page_latency.py`` measures the page of ``gazeshift app`` in a real browser.

InceptionV3 at 299 px with random weights and 101 classes, one to four models side by side (the second reads no text). For each key that is
pressed: the time from the input event until every model has drawn the new text and the browser shows it. Then many users at once, each with
a text of its own, asking for the maps of the first model; and one question at a time by the page's own route and through Gradio's queue.
Prints a table; ``--against OTHER/src`` measures another version in turn, on the same machine at the same time, ``--json FILE`` writes all
times. Needs the extra ``app``, playwright, and a Chromium.
"""
# ruff: noqa: T201, S603, PLC0415

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

SIZE, CLASSES = 299, 101
HEADS = ("early-fusion", "image-only", "late-fusion", "film")
TEXT = "a bowl of red tomato soup with bread and a bit of "
KEYS = "green basil and olive oil "
WAIT = """() => { window.shown = new Promise((done) => {
  const panels = [...document.querySelectorAll("article.model")], input = document.getElementById("after");
  let begun = 0;
  const look = () => {
    if (!begun || !panels.every((panel) => panel.dataset.after === input.value)) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun), 0));
  };
  const observer = new MutationObserver(look);
  for (const panel of panels) observer.observe(panel, { attributes: true, attributeFilter: ["data-after"] });
  document.addEventListener("input", (event) => { begun = event.timeStamp; }, { capture: true, once: true });
}); }"""


def serve(models: int) -> None:
    """Serve the page, tell its address, and end when nobody listens any more."""
    import numpy as np
    import torch
    from PIL import Image

    from gazeshift.app.house import House
    from gazeshift.app.server import start
    from gazeshift.models import HeadSpec, ImageSpec, ModelSpec, TextSpec, build_classifier, build_text, build_trunk
    from gazeshift.pairs import Pair
    from gazeshift.preprocessing import Preprocessing

    image = ImageSpec(name="inception_v3")
    trunk = build_trunk(
        image, SIZE
    )  # drawing its weights takes longer than all that is measured: every model has a copy

    def model(head: str, seed: int) -> Any:
        torch.manual_seed(seed)
        text = (
            TextSpec(encoder="none") if head == "image-only" else TextSpec(width=128, layers=2, heads=4, max_tokens=32)
        )
        classes = tuple(f"dish {number}" for number in range(CLASSES))
        parts = build_text(text, [TEXT + KEYS])
        spec = ModelSpec(
            name=head,
            image=image,
            text=parts.spec,
            head=HeadSpec(head=head),
            classes=classes,
            preprocessing=Preprocessing(size=SIZE),
        )
        return build_classifier(spec, deepcopy(trunk), parts, seed).eval()

    pairs = []
    for seed in range(4):
        file = io.BytesIO()
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (380, 500, 3), dtype=np.uint8)).save(file, "JPEG")
        pairs.append(Pair(f"{seed}.jpg", file.getvalue(), TEXT, f"dish {seed}", "test"))
    house = House.of([model(head, seed) for seed, head in enumerate(HEADS[:models])], pairs)
    with start(house, host="127.0.0.1", port=0, token=None) as running:
        print(running.address, flush=True)
        sys.stdin.read()


@contextmanager
def served(source: str | None, models: int) -> Iterator[Callable[[], str]]:
    """A page served by another process, from another version's source if one is named; it tells its address once it is ready."""
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
    if source is not None:
        environment["PYTHONPATH"] = source
    command = [sys.executable, __file__, "--serve", str(models)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        try:
            yield partial(_line_of, process)
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait()


def _line_of(process: "subprocess.Popen[str]") -> str:
    return (process.stdout.readline() if process.stdout else "").strip()


def keys(pages: Mapping[str, Any], count: int) -> dict[str, list[float]]:
    """Milliseconds from each key to the picture, of each page; a key on one, then the same on the other."""
    found: dict[str, list[float]] = {name: [] for name in pages}
    for each in pages.values():
        each.locator("#after").fill(TEXT)
        each.locator("#after").press("End")
    for turn in range(count + 5):  # the first ones warm up
        for name, page in pages.items():
            page.evaluate(WAIT)
            page.locator("#after").press(KEYS[turn % len(KEYS)])
            took = float(page.evaluate("window.shown"))
            if turn >= 5:
                found[name].append(took)
    return found


def crowd(address: str, users: int, rounds: int) -> list[float]:
    """Milliseconds that each of many users waits, who all ask at the same time, each for a text of its own."""
    import httpx

    gate = Barrier(users)

    def user(number: int) -> list[float]:
        took = []
        with httpx.Client(
            base_url=address, timeout=300, trust_env=False, headers={"x-page": f"user {number}"}
        ) as client:
            model = client.get("/api/house").json()["models"][0]["name"]
            for turn in range(rounds):
                body = {"picture": f"pair-{number % 4}", "model": model, "texts": [TEXT, f"{TEXT} {number} {turn}"]}
                gate.wait()
                begun = time.perf_counter()
                client.post("/api/gaze", json=body).raise_for_status()
                took.append(1000 * (time.perf_counter() - begun))
        return took

    with ThreadPoolExecutor(users) as pool:
        return [
            each for waited in pool.map(user, range(users)) for each in waited[1:]
        ]  # the first round runs the trunks


def routes(address: str, rounds: int = 30) -> dict[str, list[float]]:
    """Milliseconds of the same question asked by the page's own route and through Gradio's queue, in turn."""
    import httpx

    found: dict[str, list[float]] = {"route": [], "queue": []}
    with httpx.Client(base_url=address, timeout=300, trust_env=False, headers={"x-page": "routes"}) as client:
        model = client.get("/api/house").json()["models"][0]["name"]
        for turn in range(rounds + 3):
            begun = time.perf_counter()
            body = {"picture": "pair-0", "model": model, "texts": [TEXT, f"{TEXT} {turn}"]}
            client.post("/api/gaze", json=body).raise_for_status()
            between = time.perf_counter()
            asked = {"data": ["pair-0", model, [TEXT, f"{TEXT} queue {turn}"], "predicted", "default"]}
            event = client.post("/gradio_api/call/gaze", json=asked).json()["event_id"]
            client.get(f"/gradio_api/call/gaze/{event}").raise_for_status()
            if turn >= 3:
                found["route"].append(1000 * (between - begun))
                found["queue"].append(1000 * (time.perf_counter() - between))
    return found


def measured(models: int, options: argparse.Namespace, browser: Any) -> dict[str, dict[str, list[float]]]:
    """Times of each version with so many models: keys, and the crowd's waits with the last of them."""
    sources: dict[str, str | None] = (
        {"now": None} if options.against is None else {"before": options.against, "now": None}
    )
    with ExitStack() as stack:
        starting = {name: stack.enter_context(served(source, models)) for name, source in sources.items()}
        addresses = {name: ready() for name, ready in starting.items()}
        pages = {}
        for name, address in addresses.items():
            pages[name] = stack.enter_context(browser.new_context(viewport={"width": 1280, "height": 900})).new_page()
            pages[name].set_default_timeout(300_000)
            pages[name].goto(address)
            for panel in range(models):
                pages[name].locator("article.model").nth(panel).and_(pages[name].locator("[data-after]")).wait_for()
        typed = keys(pages, options.keys)
        waited = {
            name: crowd(address, options.users, 4) if options.users else [] for name, address in addresses.items()
        }
        asked = {name: routes(address) for name, address in addresses.items()}
    return {name: {"key": typed[name], "crowd": waited[name], **asked[name]} for name in sources}


def said(times: list[float]) -> str:
    """Median and 90th percentile."""
    return f"{statistics.median(times):.0f}, {statistics.quantiles(times, n=10)[-1]:.0f}" if times else "-"


def main() -> int:
    """Print the table; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--keys", type=int, default=20)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--against", metavar="OTHER/src")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return 0
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("there is no Chromium here: install one (Debian: apt-get install chromium).", file=sys.stderr)
        return 2
    found = {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        print(
            f"| models | version | key to picture, ms: median, 90th percentile | wait of {options.users} users at once, ms "
            "| one model asked by the page's route, ms | through Gradio's queue, ms |"
        )
        print("|---|---|---|---|---|---|")
        for models in options.models:
            found[models] = measured(models, options, browser)
            for name, times in found[models].items():
                columns = (said(times[column]) for column in ("key", "crowd", "route", "queue"))
                print(f"| {models} | {name} | {' | '.join(columns)} |", flush=True)
        browser.close()
    if options.json:
        options.json.write_text(json.dumps(found) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
