// Maps over pictures. Numbers are the server's, on the model's own grid; here they are only made visible.

// Sequential: inferno from dark purple to yellow; its lightness rises evenly, so that it reads without colours, too.
const SEQUENTIAL = [[40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39], [252, 255, 164]];
// Diverging: blue and orange are told apart in every common kind of colour blindness.
const LOST = [[255, 255, 255], [146, 197, 222], [67, 147, 195], [33, 102, 172]];
const GAINED = [[255, 255, 255], [253, 184, 99], [230, 130, 30], [179, 88, 6]];

function ramp(stops, value) {
  const place = Math.min(Math.max(value, 0), 1) * (stops.length - 1), low = Math.min(Math.floor(place), stops.length - 2);
  return stops[low].map((from, channel) => from + (stops[low + 1][channel] - from) * (place - low));
}

export const evidence = (value) => ramp(SEQUENTIAL, value);
export const change = (value) => value < 0 ? ramp(LOST, -value) : ramp(GAINED, value);

// A map is drawn anew with every key: what does not change with it is computed once. Colours come from a table of 1024 steps a side, and
// a picture is faded once, for every size of the canvas the same pixels.
const STEPS = 1024, tables = new Map(), faded = new WeakMap();

function table(colour) {
  if (!tables.has(colour)) {
    const found = new Float32Array(3 * (2 * STEPS + 1));
    for (let step = -STEPS; step <= STEPS; step += 1) found.set(colour(step / STEPS), 3 * (step + STEPS));
    tables.set(colour, found);
  }
  return tables.get(colour);
}

function background(picture, context, width, height) {
  const kept = faded.get(picture);
  if (kept && kept.source === picture.src) return kept.pixels;
  context.drawImage(picture, 0, 0);
  const pixels = context.getImageData(0, 0, width, height).data;
  for (let at = 0; at < pixels.length; at += 4) {
    const grey = 0.3 * pixels[at] + 0.59 * pixels[at + 1] + 0.11 * pixels[at + 2];
    for (let channel = 0; channel < 3; channel += 1) pixels[at + channel] = 0.65 * grey + 0.35 * pixels[at + channel];
  }
  faded.set(picture, { source: picture.src, pixels });
  return pixels;
}

// Bilinear between the centres of cells; beyond the outermost centres the outermost cells. For every row or column of pixels: the cell
// before, the cell after, and the share of the latter.
function between(pixels, cells) {
  const before = new Uint16Array(pixels), after = new Uint16Array(pixels), share = new Float32Array(pixels);
  for (let at = 0; at < pixels; at += 1) {
    const place = Math.min(Math.max(((at + 0.5) / pixels) * cells - 0.5, 0), cells - 1);
    before[at] = Math.min(Math.floor(place), Math.max(cells - 2, 0));
    after[at] = Math.min(before[at] + 1, cells - 1);
    share[at] = place - before[at];
  }
  return { before, after, share };
}

// Draws a picture faded to grey and, over it, colours that grow with the values: where a value is 0, nothing is drawn.
export function draw(canvas, picture, grid, colour, scale, opacity) {
  const width = picture.naturalWidth, height = picture.naturalHeight;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const base = background(picture, context, width, height), image = context.createImageData(width, height), pixels = image.data;
  if (grid) paint(pixels, base, grid, table(colour), scale, opacity, width, height);
  else hatch(pixels, base, width);
  context.putImageData(image, 0, 0);
}

function paint(pixels, base, { values, rows, columns }, colours, scale, opacity, width, height) {
  const down = between(height, rows), across = between(width, columns), line = new Float32Array(columns);
  for (let y = 0, at = 0; y < height; y += 1) {
    const upper = down.before[y] * columns, lower = down.after[y] * columns, share = down.share[y];
    for (let x = 0; x < columns; x += 1) line[x] = (values[upper + x] * (1 - share) + values[lower + x] * share) / scale;
    for (let x = 0; x < width; x += 1, at += 4) {
      const left = line[across.before[x]], value = left + (line[across.after[x]] - left) * across.share[x];
      const bounded = value > 1 ? 1 : value < -1 ? -1 : value, over = (bounded < 0 ? -bounded : bounded) * opacity;
      const step = 3 * (Math.round(bounded * STEPS) + STEPS);
      pixels[at] = base[at] * (1 - over) + colours[step] * over;
      pixels[at + 1] = base[at + 1] * (1 - over) + colours[step + 1] * over;
      pixels[at + 2] = base[at + 2] * (1 - over) + colours[step + 2] * over;
      pixels[at + 3] = 255;
    }
  }
}

function hatch(pixels, base, width) {
  pixels.set(base);
  for (let at = 0; at < pixels.length; at += 4) {
    if (((at / 4) % width + Math.floor(at / 4 / width)) % 16 < 2) pixels.fill(128, at, at + 3);
  }
}

const GROUND = 150;

// A scale as it looks over a grey picture.
export function legend(canvas, colour, from, opacity) {
  const context = canvas.getContext("2d");
  for (let x = 0; x < canvas.width; x += 1) {
    const value = from + (1 - from) * x / (canvas.width - 1), over = Math.abs(value) * opacity;
    const shown = colour(value).map((channel) => Math.round(GROUND * (1 - over) + channel * over));
    context.fillStyle = `rgb(${shown.join(",")})`;
    context.fillRect(x, 0, 1, canvas.height);
  }
}
