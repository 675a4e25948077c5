/**
 * What the view draws: the wave with chunks, speech and doubts, the mel, where the decoder looked.
 *
 * @module
 */

/** JavaScript: `class Picture`. Needs `make` and `clock`. */
export const DRAWING_JS: string = String.raw`
/** Bytes of base64; undefined of nothing. */
function bytesOf(base64) {
  if (base64 === undefined) return undefined;
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const letters = atob(base64), bytes = new Uint8Array(letters.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = letters.charCodeAt(k);
  return bytes;
}

/** Viridis, of which light and dark can also be told apart without colours. */
const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

function viridis(part) {
  const place = part * (VIRIDIS.length - 1), at = Math.min(VIRIDIS.length - 2, Math.floor(place));
  return VIRIDIS[at].map((low, k) => low + (VIRIDIS[at + 1][k] - low) * (place - at));
}

/** The mel as a picture of its own size, the lowest band below. */
function melPicture({ rows, columns, bytes }) {
  const canvas = make("canvas", { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const colors = Uint8ClampedArray.from(Array.from({ length: 256 }, (_, byte) => [...viridis(byte / 255), 255]).flat());
  const [words, pixels] = [new Uint32Array(colors.buffer), new Uint32Array(image.data.buffer)];
  const values = bytesOf(bytes);
  for (let row = 0; row < rows; row++) {
    const [from, to] = [row * columns, (rows - 1 - row) * columns];
    for (let column = 0; column < columns; column++) pixels[to + column] = words[values[from + column]];
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Pixels of a second in the close view: words of the usual length have room for their letters. */
const SECOND_WIDTH = 100;
const [LANE, MEL, WAVE, OVERVIEW] = [16, 96, 72, 36];

/** The recording over time: as a whole, and closely around the cursor where the whole has no room. */
class Picture {
  /** about: { start, end, peaks, mel, chunks, speech, doubts, words }; onPlace(seconds) when one is pointed at. */
  constructor(about, onPlace) {
    Object.assign(this, about);
    this.levels = bytesOf(about.peaks);
    this.melCanvas = about.mel && melPicture(about.mel);
    this.from = this.start;
    this.close = make("canvas", { class: "q3-close" });
    this.whole = make("canvas", { class: "q3-whole" });
    this.cursor = make("div", { class: "q3-cursor" });
    this.probe = make("span", { hidden: "" });
    this.element = make(
      "div",
      { class: "q3-picture", role: "slider", tabindex: "0", "aria-label": "Place in the recording" },
      this.whole, make("div", { class: "q3-front" }, this.close, this.cursor), this.probe,
    );
    this.element.setAttribute("aria-valuemin", this.start.toFixed(1));
    this.element.setAttribute("aria-valuemax", this.end.toFixed(1));
    for (const canvas of [this.close, this.whole]) {
      canvas.onpointerdown = ({ offsetX }) => {
        const from = canvas === this.close ? this.from : this.start;
        onPlace(from + offsetX / canvas.clientWidth * (canvas === this.close ? this.span : this.end - this.start));
      };
    }
    new ResizeObserver(() => this.draw()).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** The cursor, brought into the close view. */
  show(seconds) {
    this.at = seconds;
    const last = Math.max(this.start, this.end - this.span);
    if (seconds < this.from || seconds > this.from + this.span) {
      this.from = Math.min(last, Math.max(this.start, seconds - this.span / 8));
      this.draw();
    }
    this.cursor.style.left = (seconds - this.from) / this.span * 100 + "%";
    this.element.setAttribute("aria-valuenow", seconds.toFixed(1));
    this.element.setAttribute("aria-valuetext", clock(seconds));
  }

  color(name) {
    this.probe.style.color = "var(--q3-" + name + ")";
    return getComputedStyle(this.probe).color;
  }

  /** A canvas of so many lines, cleared, with a way from seconds to pixels. */
  begin(canvas, height, from, span) {
    const width = this.element.clientWidth, ratio = devicePixelRatio || 1;
    canvas.style.height = height + "px";
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    const x = (seconds) => (seconds - from) / span * width;
    const bar = (range, y, tall) => pen.fillRect(x(range.startSeconds), y,
      Math.max(1, x(range.endSeconds) - x(range.startSeconds)), tall);
    return { pen, x, bar, width, from, to: from + span };
  }

  seen({ from, to }, ranges) {
    return ranges.filter(({ startSeconds, endSeconds }) => endSeconds >= from && startSeconds <= to);
  }

  /** Doubts are hatched, so that they are seen without colours too. */
  hatch({ pen, x }, range, y, tall) {
    const [left, right] = [x(range.startSeconds), x(range.endSeconds)];
    pen.save();
    pen.beginPath();
    pen.rect(left, y, right - left, tall);
    pen.clip();
    pen.globalAlpha = .55;
    pen.strokeStyle = this.color("doubt");
    for (let at = left - tall; at < right; at += 7) {
      pen.beginPath();
      pen.moveTo(at, y + tall);
      pen.lineTo(at + tall, y);
      pen.stroke();
    }
    pen.restore();
  }

  wave({ pen, width, from, to }, y, tall) {
    if (!this.levels) return;
    pen.fillStyle = this.color("wave");
    const each = this.levels.length / (this.end - this.start);
    for (let column = 0; column < width; column++) {
      const at = (part) => Math.floor((from - this.start + (to - from) * part / width) * each);
      let peak = 0;
      for (let k = at(column), end = Math.max(at(column + 1), at(column) + 1); k < end; k++) {
        peak = Math.max(peak, this.levels[k] || 0);
      }
      const half = Math.max(.5, peak / 255 * tall / 2);
      pen.fillRect(column, y + tall / 2 - half, 1, 2 * half);
    }
  }

  /** Speech as a bar below the wave, doubts over it, cuts as lines. */
  lanes(sheet, y, tall) {
    this.wave(sheet, y, tall);
    sheet.pen.fillStyle = this.color("speech");
    for (const one of this.seen(sheet, this.speech)) sheet.bar(one, y + tall - 4, 4);
    for (const one of this.seen(sheet, this.doubts)) this.hatch(sheet, one, y, tall);
    const cuts = this.seen(sheet, this.chunks);
    if (cuts.length * 8 > sheet.width) return;
    sheet.pen.fillStyle = this.color("quiet");
    for (const { startSeconds } of cuts) {
      if (startSeconds > this.start) sheet.pen.fillRect(sheet.x(startSeconds), y, 1, tall);
    }
  }

  /** Names in their places, as far as they have room. */
  names(sheet, y, ranges, nameOf) {
    const { pen, x, width } = sheet, seen = this.seen(sheet, ranges);
    const [line, accent, ink] = ["line", "accent", "ink"].map((one) => this.color(one));
    for (const [k, one] of seen.entries()) {
      const next = seen[k + 1]?.startSeconds ?? Infinity;
      const [left, right] = [Math.max(0, x(one.startSeconds)), Math.min(width, x(next))];
      const name = nameOf(one);
      pen.fillStyle = line;
      pen.fillRect(x(one.startSeconds), y, 1, LANE);
      pen.fillStyle = one === this.chosen ? accent : ink;
      if (pen.measureText(name).width <= right - left - 2) pen.fillText(name, left + 3, y + LANE / 2);
    }
  }

  /** Where the decoder looked for the chosen token. */
  look(sheet, y, tall) {
    if (!this.attention) return;
    const { pen, x } = sheet, { startSeconds, secondsEach, values } = this.attention;
    pen.fillStyle = this.color("look");
    values.forEach((value, k) => {
      const left = x(startSeconds + k * secondsEach), right = x(startSeconds + (k + 1) * secondsEach);
      pen.fillRect(left, y + tall * (1 - value / 255), Math.max(1, right - left), tall * value / 255);
    });
  }

  draw() {
    const width = this.element.clientWidth;
    if (width === 0) return;
    this.span = Math.min(this.end - this.start, Math.max(3, width / SECOND_WIDTH)) || 1;
    this.from = Math.max(this.start, Math.min(this.from, this.end - this.span));
    const mel = this.melCanvas ? MEL : 0;
    const sheet = this.begin(this.close, 2 * LANE + WAVE + mel, this.from, this.span);
    this.names(sheet, 0, this.chunks, ({ index, startSeconds }) => "chunk " + index + ", " + clock(startSeconds));
    if (mel) {
      const pixels = this.melCanvas.width / (this.end - this.start);
      sheet.pen.drawImage(this.melCanvas, (this.from - this.start) * pixels, 0, this.span * pixels,
        this.melCanvas.height, 0, LANE, width, mel);
    }
    this.lanes(sheet, LANE + mel, WAVE);
    this.look(sheet, LANE + mel, WAVE);
    this.names(sheet, LANE + mel + WAVE, this.words, ({ text }) => text);
    this.whole.hidden = this.span >= this.end - this.start;
    if (!this.whole.hidden) {
      const all = this.begin(this.whole, OVERVIEW, this.start, this.end - this.start);
      this.lanes(all, 0, OVERVIEW);
      all.pen.strokeStyle = this.color("accent");
      all.pen.lineWidth = 2;
      const [left, right] = [all.x(this.from), all.x(this.from + this.span)];
      all.pen.strokeRect(left + 1, 1, Math.max(3, right - left) - 2, OVERVIEW - 2);
    }
    this.cursor.style.left = ((this.at ?? this.start) - this.from) / this.span * 100 + "%";
  }

  /** What can be seen, as a PNG on the ground of the page. */
  save(done) {
    const copy = make("canvas", { width: this.close.width, height: this.close.height });
    const pen = copy.getContext("2d");
    pen.fillStyle = this.color("sheet");
    pen.fillRect(0, 0, copy.width, copy.height);
    pen.drawImage(this.close, 0, 0);
    copy.toBlob(done);
  }
}
`;
