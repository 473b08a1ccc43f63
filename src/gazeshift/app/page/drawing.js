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

// Bilinear between the centres of cells; beyond the outermost centres the outermost cells.
export function sampled(values, rows, columns, y, x) {
  const at = (size, share) => {
    const place = Math.min(Math.max(share * size - 0.5, 0), size - 1), low = Math.min(Math.floor(place), Math.max(size - 2, 0));
    return [low, Math.min(low + 1, size - 1), place - low];
  };
  const [top, bottom, down] = at(rows, y), [left, right, across] = at(columns, x);
  const cell = (row, column) => values[row * columns + column];
  const upper = cell(top, left) * (1 - across) + cell(top, right) * across;
  const lower = cell(bottom, left) * (1 - across) + cell(bottom, right) * across;
  return upper * (1 - down) + lower * down;
}

// Draws a picture faded to grey and, over it, colours that grow with the values: where a value is 0, nothing is drawn.
export function draw(canvas, picture, grid, colour, scale, opacity) {
  const width = picture.naturalWidth, height = picture.naturalHeight;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const image = context.getImageData(0, 0, width, height), pixels = image.data;
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 4) {
      const grey = 0.3 * pixels[at] + 0.59 * pixels[at + 1] + 0.11 * pixels[at + 2];
      const value = grid ? sampled(grid.values, grid.rows, grid.columns, (y + 0.5) / height, (x + 0.5) / width) / scale : 0;
      const over = Math.min(Math.abs(value), 1) * opacity, shown = colour(value);
      const striped = !grid && (x + y) % 16 < 2;
      for (let channel = 0; channel < 3; channel += 1) {
        const base = 0.65 * grey + 0.35 * pixels[at + channel];
        pixels[at + channel] = striped ? 128 : base * (1 - over) + shown[channel] * over;
      }
    }
  }
  context.putImageData(image, 0, 0);
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
