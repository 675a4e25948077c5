/**
 * What the page does with a microphone: sends what is spoken over the realtime socket and shows its text while it is spoken.
 *
 * @module
 */

/** JavaScript module. */
export const LIVE_JS = `
/** What the socket takes. */
const RATE = 24000;

const pad = (number, length = 2) => String(number).padStart(length, "0");

/** 01:02:03,456 */
function timeCode(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return [h, m, s].map((one) => pad(one)).join(":") + "," + pad(milliseconds % 1000, 3);
}

function base64Of(samples) {
  return btoa(String.fromCharCode(...new Uint8Array(samples.buffer)));
}

/** The microphone as blocks of 16-bit samples. */
class Microphone {
  static async open(deviceId, onBlock) {
    const one = new Microphone();
    const audio = { channelCount: 1, ...deviceId && { deviceId: { exact: deviceId } } };
    one.stream = await navigator.mediaDevices.getUserMedia({ audio });
    try {
      // The browser's own resampling is the best there is; Firefox refuses to do it.
      await one.listen({ sampleRate: RATE }, onBlock).catch(() => one.listen({}, onBlock));
    } catch (error) {
      one.close();
      throw error;
    }
    return one;
  }

  async listen(options, onBlock) {
    this.context?.close();
    this.context = new AudioContext(options);
    await this.context.audioWorklet.addModule("capture.js");
    const node = new AudioWorkletNode(this.context, "capture", {
      numberOfOutputs: 0,
      processorOptions: { rate: RATE },
    });
    node.port.onmessage = ({ data }) => onBlock(data);
    this.context.createMediaStreamSource(this.stream).connect(node);
    await this.context.resume();
  }

  get deviceId() {
    return this.stream.getAudioTracks()[0]?.getSettings().deviceId ?? "";
  }

  close() {
    for (const track of this.stream.getTracks()) track.stop();
    if (this.context && this.context.state !== "closed") this.context.close();
  }
}

/** What is said, while it is said. */
export class Captions {
  #turns = new Map();
  #waiting = [];
  #isReady = false;
  #isEnding = false;
  #ended = Promise.withResolvers();

  /**
   * options: settings() gives the session; secret() a client secret, where a key is needed; onLevel(0..1); onChange();
   * onSaid(text); onError(message); onLost().
   */
  constructor(options) {
    this.options = options;
  }

  async start(deviceId) {
    this.microphone = await Microphone.open(deviceId, (block) => this.#take(block));
    try {
      await this.#connect();
      this.lock = await navigator.wakeLock?.request("screen").catch(() => {});
    } catch (error) {
      this.microphone.close();
      throw error;
    }
  }

  /** Goes on with another microphone. */
  async use(deviceId) {
    const next = await Microphone.open(deviceId, (block) => this.#take(block));
    this.microphone.close();
    this.microphone = next;
  }

  async #connect() {
    const secret = await this.options.secret();
    const url = new URL("v1/realtime?intent=transcription", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    this.socket = new WebSocket(url, ["realtime", ...secret ? ["openai-insecure-api-key." + secret] : []]);
    this.socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    const opened = Promise.withResolvers();
    this.socket.onopen = opened.resolve;
    this.socket.onclose = () => {
      opened.reject(new Error("The server took no connection."));
      const isLost = !this.#isEnding;
      this.#end();
      if (isLost) this.options.onLost();
    };
    await opened.promise;
  }

  #send(event) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(event));
  }

  /** Tells the server of other settings. */
  update() {
    this.#send({ type: "session.update", session: this.options.settings(RATE) });
  }

  #take(block) {
    const power = block.reduce((sum, sample) => sum + (sample / 32768) ** 2, 0) / block.length;
    this.options.onLevel(Math.min(1, Math.sqrt(power) * 6));
    if (this.#isEnding) return;
    if (!this.#isReady) this.#waiting.push(block);
    else this.#send({ type: "input_audio_buffer.append", audio: base64Of(block) });
  }

  #turn(id) {
    const turn = this.#turns.get(id) ?? { start: 0, end: 0, text: "", tentative: "", isFinal: false };
    this.#turns.set(id, turn);
    return turn;
  }

  #hear(event) {
    const kind = event.type.replace(/^conversation\\.item\\.input_audio_transcription\\.|^input_audio_buffer\\./, "");
    if (kind === "session.created") return this.update();
    if (kind === "session.updated" && !this.#isReady) {
      this.#isReady = true;
      for (const block of this.#waiting.splice(0)) this.#take(block);
      return;
    }
    if (kind === "error") {
      // Nothing was said since the last pause: that is fine at the end.
      if (event.error.event_id !== "end") this.options.onError(event.error.message);
      return;
    }
    if (kind === "cleared") return this.#end();
    if (!event.item_id) return;
    const turn = this.#turn(event.item_id);
    if (kind === "speech_started") turn.start = event.audio_start_ms;
    if (kind === "speech_stopped") turn.end = event.audio_end_ms;
    if (kind === "delta") [turn.text, turn.tentative] = [turn.text + event.delta, ""];
    if (kind === "qwen3_asr.tentative") turn.tentative = event.text;
    if (kind === "completed") {
      Object.assign(turn, { text: event.transcript, tentative: "", isFinal: true });
      if (turn.text) this.options.onSaid(turn.text);
    }
    if (kind === "failed") {
      Object.assign(turn, { tentative: "", isFinal: true });
      this.options.onError(event.error.message);
    }
    this.options.onChange();
  }

  /** Turns with a text, in the order they were spoken. */
  get turns() {
    return [...this.#turns.values()].filter(({ text, tentative }) => text + tentative !== "");
  }

  get text() {
    return this.turns.map(({ text }) => text.trim() + "\\n").join("");
  }

  get subtitles() {
    return this.turns.map(({ start, end, text }, at) =>
      [at + 1, timeCode(start) + " --> " + timeCode(Math.max(end, start + 1)), text.trim(), "", ""].join("\\n")
    ).join("");
  }

  /** Ends with what was said so far; resolves when its text is there. */
  async stop() {
    this.microphone.close();
    this.#isEnding = true;
    this.#send({ type: "input_audio_buffer.commit", event_id: "end" });
    this.#send({ type: "input_audio_buffer.clear" });
    await this.#ended.promise;
  }

  /** Ends at once. */
  cancel() {
    this.#isEnding = true;
    this.#end();
  }

  #end() {
    this.#isEnding = true;
    this.microphone?.close();
    this.lock?.release();
    this.socket?.close();
    this.#ended.resolve();
  }
}
`;

/** JavaScript of the audio thread: the first channel at the wanted rate, in blocks of a tenth of a second. */
export const CAPTURE_JS = `
registerProcessor("capture", class extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate } }) {
    super();
    this.step = sampleRate / rate;
    this.length = rate / 10;
    this.block = new Int16Array(this.length);
    this.at = 0;
    // The mean of the samples that an output sample covers keeps out most of what is too high for its rate.
    this.sum = 0;
    this.covered = 0;
  }

  process([[channel]]) {
    if (!channel) return true;
    for (const sample of channel) {
      let left = 1;
      while (this.covered + left >= this.step) {
        const part = this.step - this.covered;
        this.put((this.sum + part * sample) / this.step);
        left -= part;
        this.sum = this.covered = 0;
      }
      this.sum += left * sample;
      this.covered += left;
    }
    return true;
  }

  put(sample) {
    this.block[this.at++] = Math.max(-1, Math.min(1, sample)) * 32767;
    if (this.at < this.length) return;
    this.port.postMessage(this.block, [this.block.buffer]);
    this.block = new Int16Array(this.length);
    this.at = 0;
  }
});
`;
