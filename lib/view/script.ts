/**
 * The view of a transcript: text by confidence whose words can be heard, a picture over time with a cursor, doubts in
 * words, the tokens of a place.
 *
 * @module
 */
import { DRAWING_JS } from "./drawing_script.ts";
import { SAVING_JS } from "./saving_script.ts";

/** JavaScript: `make`. */
export const MAKE_JS: string = String.raw`
/** An element. Texts are never read as HTML. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
`;

const VIEW = String.raw`
/** 0:03.2, 1:02:03.4 */
function clock(seconds) {
  const tenths = Math.round(seconds * 10), whole = Math.floor(tenths / 10);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return (h > 0 ? h + ":" + two(m) : m) + ":" + two(s) + "." + tenths % 10;
}

const percent = (part) => part < .0005 ? "< 0.1 %" : (100 * part).toFixed(part > .995 || part < .095 ? 1 : 0) + " %";

/** How sure is how sure: from a probability on, its class, and what the legend says. */
const SURENESS = [[.95, 0, "95 % and more"], [.8, 1, "80 to 95 %"], [.5, 2, "50 to 80 %"], [0, 3, "below 50 %"]];

function surenessOf(confidence) {
  return confidence === undefined ? 0 : SURENESS.find(([least]) => confidence >= least)[1];
}

const TIMING = {
  aligned: "by the aligner",
  repaired: "placed anew within speech",
  approximate: "approximate",
  unmatched: "not heard",
  estimated: "estimated",
  chunk: "of the chunk",
};

/** Shortest piece that is played, in seconds: less is a click. */
const SHORTEST = .2;

/**
 * Shows a transcript.
 *
 * data: { title, transcript, peaks, mel, tokens, files }; sound: a Blob or a data URL, or undefined.
 * text: the element for the text, when it is there already.
 */
function showTranscript(root, data, sound, text = make("p")) {
  const { transcript, title } = data;
  const { chunks, segments } = transcript;
  const start = chunks[0]?.startSeconds ?? 0, end = start + transcript.durationSeconds;
  const inWords = segments.flatMap(({ words }) => words ?? []);
  const pieces = inWords.length > 0 ? inWords : segments;
  const doubts = chunks.filter(({ coverage, error }) => error || coverage.verdict === "suspect");
  const blob = typeof sound === "string" ? new Blob([bytesOf(sound.split(",")[1])], { type: "audio/wav" }) : sound;
  const audio = make("audio", { preload: "metadata" });
  if (blob) audio.src = URL.createObjectURL(blob);

  const picture = new Picture(
    { start, end, peaks: data.peaks, mel: data.mel, chunks, speech: transcript.speech ?? [], doubts, words: pieces },
    (seconds) => go(seconds),
  );
  const play = make("button", { type: "button", class: "q3-play" }, "Play");
  const time = make("span", { class: "q3-time" });
  const speed = make("select", { "aria-label": "Speed" },
    ...[1, .75, .5, 1.5].map((times) => new Option(times + "\u00d7", times)));
  const controls = make("div", { class: "q3-controls" }, play, speed, time);
  const note = make("p", { class: "q3-note", role: "status" });
  const place = make("div", { class: "q3-place", "aria-live": "polite" });
  let stopAt = Infinity, frame = 0, now = -1, chosen = -1, heard = [start, end];

  function playFrom(from, to = Infinity) {
    if (!blob) return;
    stopAt = to - start;
    heard = [from, Math.min(to, end)];
    audio.currentTime = from - start;
    audio.play().catch(() => {});
  }

  function tick() {
    const { currentTime, paused } = audio;
    if (!paused && currentTime >= stopAt) {
      audio.pause();
      audio.currentTime = stopAt;
      stopAt = Infinity;
    }
    show(start + audio.currentTime);
    cancelAnimationFrame(frame);
    if (!audio.paused) frame = requestAnimationFrame(tick);
  }

  function show(seconds) {
    picture.show(seconds);
    time.textContent = clock(seconds) + " of " + clock(end);
    const isIn = (piece) => piece && seconds >= piece.startSeconds - .01 && seconds <= piece.endSeconds + .01;
    // Where a word ends the next begins: the one that is heard counts.
    const at = isIn(pieces[chosen]) ? chosen : pieces.findLastIndex(({ startSeconds }) => startSeconds <= seconds + .01);
    const next = isIn(pieces[at]) ? at : -1;
    if (next === now) return;
    spans[now]?.classList.remove("q3-now");
    now = next;
    const span = spans[now];
    if (!span) return;
    span.classList.add("q3-now");
    // Long texts have a box of their own: the page itself does not move.
    const gap = span.offsetTop;
    if (gap < text.scrollTop || gap > text.scrollTop + text.clientHeight - 32) text.scrollTop = gap - 32;
  }

  /** To a place: what stands there is shown. */
  function go(seconds) {
    const to = Math.max(start, Math.min(seconds, end));
    stopAt = Infinity;
    audio.currentTime = to - start;
    show(to);
    const near = pieces.findIndex(({ startSeconds, endSeconds }) => to >= startSeconds - .05 && to <= endSeconds + .05);
    if (near >= 0) choose(near);
  }

  function choose(at) {
    spans[Math.max(0, chosen)].tabIndex = -1;
    spans[chosen]?.classList.remove("q3-chosen");
    chosen = at;
    spans[at].classList.add("q3-chosen");
    spans[at].tabIndex = 0;
    picture.chosen = pieces[at];
    place.replaceChildren(...describe(at));
    picture.draw();
  }

  function hear(at) {
    const { startSeconds, endSeconds } = pieces[at];
    choose(at);
    playFrom(startSeconds, Math.max(endSeconds, startSeconds + SHORTEST));
  }

  function describe(at) {
    const { text, startSeconds, endSeconds, confidence, timing } = pieces[at];
    const sure = confidence === undefined ? "" : ", " + percent(confidence) + " sure";
    const line = make("p", {}, make("strong", {}, text),
      " " + clock(startSeconds) + " to " + clock(endSeconds) + " (" + (TIMING[timing] ?? timing) + ")" + sure);
    const own = (data.tokens ?? []).filter(({ piece }) => piece === at);
    look(own.find(({ attention }) => attention));
    if (own.length === 0) return [line];
    return [line, ...own.map((token) => {
      const name = make("button", { type: "button", "aria-label": "Where the decoder looked for " + token.text }, shown(token.text));
      name.onclick = () => (look(token), picture.draw());
      name.disabled = !token.attention;
      const rivals = token.top.filter(([rival]) => rival !== token.text);
      return make("p", { class: "q3-token" }, name,
        " " + percent(token.probability) + ", entropy " + token.entropy.toFixed(2) + " nats; rivals: ",
        ...rivals.flatMap(([rival, part]) => [make("span", {}, shown(rival) + " " + percent(part)), " "]));
    })];
  }

  /** White space is seen. */
  function shown(token) {
    return token.replaceAll(" ", "\u2423").replaceAll("\n", "\u21b5");
  }

  function look(token) {
    picture.attention = token?.attention && {
      startSeconds: token.startSeconds, secondsEach: 1 / 13, values: bytesOf(token.attention),
    };
  }

  /** The text with its pieces in their places: what stands between them is kept. */
  function written() {
    const parts = [], whole = transcript.text;
    let at = 0, group, chunk = -1;
    const put = (node) => group ? group.append(node) : parts.push(node);
    pieces.forEach((piece, index) => {
      const found = whole.indexOf(piece.text, at);
      const own = chunks.findLastIndex(({ startSeconds }) => startSeconds <= piece.startSeconds + .01);
      if (found > at) put(whole.slice(at, found));
      if (own !== chunk && chunks.length > 1) {
        chunk = own;
        group = make("span", { class: "q3-chunk" });
        group.dataset.at = clock(chunks[own]?.startSeconds ?? start);
        group.classList.toggle("q3-doubted", doubts.includes(chunks[own]));
        parts.push(group);
      }
      const span = make("span", { class: "q3-word q3-c" + surenessOf(piece.confidence), role: "button", tabindex: "-1" },
        found < 0 ? "" : piece.text);
      span.title = clock(piece.startSeconds) + (piece.confidence === undefined ? "" : ", " + percent(piece.confidence) + " sure");
      span.onclick = () => hear(index);
      spans.push(span);
      put(span);
      if (found >= 0) at = found + piece.text.length;
    });
    if (at < whole.length) put(whole.slice(at));
    return parts;
  }

  const spans = [];
  text.classList.add("q3-text");
  text.replaceChildren(...written());
  text.setAttribute("role", "group");
  text.setAttribute("aria-label", "Text. Arrow keys go from word to word, Enter plays one.");
  if (spans[0]) spans[0].tabIndex = 0;
  /** The word in the line above or below, nearest to this one. */
  function inLine(at, step) {
    const here = spans[at].getBoundingClientRect();
    let best = at, line;
    for (let k = at + step; spans[k]; k += step) {
      const there = spans[k].getBoundingClientRect();
      if (Math.abs(there.top - here.top) < here.height / 2) continue;
      if (line !== undefined && Math.abs(there.top - line) > here.height / 2) break;
      const gap = (one) => Math.abs(one.left - here.left);
      if (line === undefined || gap(there) < gap(spans[best].getBoundingClientRect())) best = k;
      line ??= there.top;
    }
    return best;
  }
  text.onkeydown = (event) => {
    const at = spans.indexOf(event.target), last = spans.length - 1;
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const ways = {
      ArrowRight: () => Math.min(last, at + 1), ArrowLeft: () => Math.max(0, at - 1),
      ArrowDown: () => inLine(at, 1), ArrowUp: () => inLine(at, -1), Home: () => 0, End: () => last,
    };
    if (ways[event.key]) {
      const to = ways[event.key]();
      choose(to);
      spans[to].focus();
    } else if (event.key === "Enter" || event.key === " ") hear(at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  picture.element.onkeydown = (event) => {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
    if (event.key === " " || event.key === "Enter") play.click();
    else if (by[event.key]) go(start + audio.currentTime + by[event.key] * (event.shiftKey ? .1 : 1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  play.onclick = () => {
    if (!audio.paused) return audio.pause();
    playFrom(start + (audio.currentTime >= end - start - .05 ? 0 : audio.currentTime));
  };
  speed.onchange = () => audio.playbackRate = Number(speed.value);
  audio.onplay = () => (play.textContent = "Pause", tick());
  audio.onpause = audio.onended = () => (play.textContent = "Play", tick());
  audio.ontimeupdate = audio.onseeked = tick;
  audio.onerror = () => {
    note.textContent = "This browser cannot play this recording.";
    play.disabled = true;
  };
  play.disabled = !blob;
  // One at a time.
  document.addEventListener("play", ({ target }) => target !== audio && audio.pause(), true);

  /** What a reader has to know, each with the piece that it is about. */
  function remarks() {
    const verdict = transcript.coverage.verdict;
    if (transcript.warnings.length === 0) {
      return make("p", { class: "q3-note" }, verdict === "no-speech" ? "No speech was found." : "Nothing looks lost or repeated.");
    }
    const about = Map.groupBy(transcript.warnings, ({ code, chunk }) => code + " " + (chunk ?? ""));
    const items = [...about.values()].map(([{ code, chunk, message, startSeconds, endSeconds }]) => {
      if (startSeconds === undefined) return make("li", {}, message);
      const button = make("button", { type: "button" }, clock(startSeconds) + " to " + clock(endSeconds ?? end));
      button.ariaLabel = "Play the part at " + clock(startSeconds);
      button.onclick = () => (go(startSeconds), playFrom(startSeconds, endSeconds ?? Infinity));
      const own = code === "chunk-doubtful" ? chunks.find(({ index }) => index === chunk) : undefined;
      return make("li", {}, button, " " + (own?.coverage.reasons.join(" ") ?? message));
    });
    const tries = chunks.flatMap(({ startSeconds, rescues }) => rescues.map(({ action, temperature, accepted, rejectedText }) =>
      make("li", { class: "q3-quiet" }, "The part at " + clock(startSeconds) + " was decoded again (" +
        (action === "halved" ? "in halves" : "at temperature " + temperature) + "): " +
        (accepted ? "taken." : "not better."),
        make("details", {}, make("summary", {}, "The text that was not taken"), rejectedText))));
    return make("section", { class: "q3-why" },
      make("h3", {}, verdict === "suspect" ? "Why suspect" : "Remarks"), make("ul", {}, ...items, ...tries));
  }

  const legend = make("p", { class: "q3-legend" }, "How sure: ",
    ...SURENESS.flatMap(([, number, name]) => [make("span", { class: "q3-c" + number }, name), " "]));
  if (transcript.speech) legend.append(make("span", { class: "q3-key-speech" }), " speech ");
  if (data.tokens?.some(({ attention }) => attention)) {
    legend.append(make("span", { class: "q3-key-look" }), " where the decoder looked ");
  }
  if (doubts.length > 0) legend.append(make("span", { class: "q3-key-doubt" }), " doubtful ");
  const ways = [
    ...Object.entries(data.files ?? {}).map(([ending, content]) => [ending, () => save(title, "." + ending, content)]),
    ["csv", () => save(title, ".words.csv", tableOf(pieces))],
    ["picture", () => picture.save((image) => save(title, ".png", image))],
  ];
  if (blob) {
    ways.push(["piece as wav", async () => {
      const sound = await pieceOf(blob, ...heard.map((seconds) => seconds - start)).catch(() => {});
      if (sound) save(title, ".piece.wav", sound);
      else note.textContent = "This browser cannot decode this recording.";
    }]);
  }
  const files = make("div", { class: "q3-files" }, "Save ", ...ways.map(([name, act]) => {
    const button = make("button", { type: "button" }, name);
    button.onclick = act;
    return button;
  }));
  root.classList.add("q3v");
  root.replaceChildren(controls, picture.element, note, remarks(), text, place, legend, files, audio);
  picture.draw();
  show(start);
  return audio;
}
`;

/** JavaScript: `showTranscript(root, data, sound, text)`, and `save(title, ending, content)`. */
export const VIEW_JS: string = [MAKE_JS, VIEW, SAVING_JS, DRAWING_JS].join("");
