// Where the data say that things are: outlines over the maps, as each model sees the picture.
import { ask, query, speech } from "./common.js";

// Fetched once for each picture and model; a picture that was dropped has none.
export async function outlinesOf(panel, picture) {
  if (panel.outlined !== picture) {
    panel.outlines = await ask(`api/regions?${query({ picture, model: panel.model.name })}`);
    panel.outlined = picture;
  }
  return panel.outlines;
}

export const named = (outlines) => {
  const { say } = speech, seen = outlines.seen.map((each) => each.name).join(", ") || say.noRegions;
  return outlines.unseen.length ? `${seen}. ${say.unseenRegions(outlines.unseen.join(", "))}` : seen;
};

// The edges between cells inside and outside of a region, as lines on a canvas.
export function outline(canvas, region) {
  const path = new Path2D(), wide = canvas.width / region.columns, high = canvas.height / region.rows;
  const inside = new Uint8Array(region.rows * region.columns);
  region.runs.reduce((at, length, place) => inside.fill(place % 2, at, at + length) && at + length, 0);
  const at = (row, column) => row >= 0 && column >= 0 && row < region.rows && column < region.columns && inside[row * region.columns + column] === 1;
  const line = (x, y, toX, toY) => { path.moveTo(x * wide, y * high); path.lineTo(toX * wide, toY * high); };
  for (let row = 0; row <= region.rows; row += 1) {
    for (let column = 0; column <= region.columns; column += 1) {
      const here = at(row, column);
      if (here !== at(row - 1, column) && column < region.columns) line(column, row, column + 1, row);
      if (here !== at(row, column - 1) && row < region.rows) line(column, row, column, row + 1);
    }
  }
  stroke(canvas, path);
}

export function box(canvas, [left, top, right, bottom]) {
  const path = new Path2D();
  path.rect(left * canvas.width, top * canvas.height, (right - left) * canvas.width, (bottom - top) * canvas.height);
  stroke(canvas, path);
}

// White with dark inside: it shows on any ground.
function stroke(canvas, path) {
  const context = canvas.getContext("2d");
  context.lineCap = "square";
  for (const [colour, width] of [["#fff", Math.max(canvas.width / 80, 2.5)], ["#111", Math.max(canvas.width / 200, 1)]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke(path);
  }
}
