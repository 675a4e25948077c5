/**
 * The command `live` as a process: pipes that stay open, a program in the place of ffmpeg, files that grow.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parse as parsePlussub } from "@plussub/srt-vtt-parser";
import { loadAudio } from "../lib/audio/load.ts";
import type { LiveEvent } from "../lib/recognize/live/live_stream.ts";
import { cli, Folder, recording, ROOT, startCli } from "./support/cli_process.ts";
import { TerminalSession } from "./support/cli_terminal.ts";
import { fakeMicrophone } from "./support/fake_microphone.ts";
import { textEvent } from "./support/live_script.ts";

const [FIRST, SECOND] = ["dev-01-en.wav", "dev-00-en.wav"];
const [FIRST_TEXT, SECOND_TEXT] = ["I see ten yellow windows.", "The train leaves at ten on Thursday."];
const LINUX = { ignore: Deno.build.os !== "linux" };
const PAUSE_SECONDS = 1.5;

/** Samples of 16 bits: a recording with a pause behind it. */
async function spoken(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const { samples } = await loadAudio(recording(name));
  const values = samples.slice(0, samples.length);
  const pcm = new Int16Array(values.length + PAUSE_SECONDS * 16000);
  pcm.set(Int16Array.from(values, (value) => Math.max(-32768, Math.min(32767, Math.round(value * 32768)))));
  return new Uint8Array(pcm.buffer);
}

/** The head of a WAV file whose length nobody knows yet. */
function endlessHead(): Uint8Array<ArrayBuffer> {
  const head = new DataView(new ArrayBuffer(44));
  const text = (at: number, word: string) =>
    [...word].forEach((c, i) => head.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  head.setUint32(4, 0xffffffff, true);
  text(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, 16000, true);
  head.setUint32(28, 32000, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  text(36, "data");
  head.setUint32(40, 0xffffffff, true);
  return new Uint8Array(head.buffer);
}

/** A process whose standard input stays open. */
class Talk implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reading: Promise<void>;
  readonly #complaining: Promise<void>;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], options: Parameters<typeof startCli>[1] = {}) {
    this.#child = startCli(["live", "-m", "demo", ...args], { stdin: new Uint8Array(0), ...options });
    this.#writer = this.#child.stdin.getWriter();
    this.#reading = this.#read(this.#child.stdout, (text) => this.stdout += text);
    this.#complaining = this.#read(this.#child.stderr, (text) => this.stderr += text);
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>, take: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) take(text);
  }

  async say(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#writer.write(bytes);
  }

  async until(done: () => boolean): Promise<void> {
    const timeout = AbortSignal.timeout(60_000);
    while (!done()) {
      if (timeout.aborted) throw new Error(`It did not come; there is:\n${this.stdout}\n${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async end(): Promise<number> {
    await this.#writer.close().catch(() => {});
    const { code } = await this.#child.status;
    await Promise.all([this.#reading, this.#complaining]);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#writer.close().catch(() => {});
    await this.#child.status;
    await Promise.allSettled([this.#reading, this.#complaining]);
  }
}

for (
  const [name, head, args] of [
    ["raw samples", new Uint8Array(0), ["--raw", "s16le:16000", "-"]],
    ["a WAV file without a length", endlessHead(), ["-"]],
  ] as const
) {
  Deno.test(`a pipe of ${name}: a line an utterance, while the pipe is open`, async () => {
    await using talk = new Talk(args);
    await talk.say(head);
    await talk.say(await spoken(FIRST));
    await talk.until(() => talk.stdout === `${FIRST_TEXT}\n`);
    await talk.say(await spoken(SECOND));
    await talk.until(() => talk.stdout === `${FIRST_TEXT}\n${SECOND_TEXT}\n`);
    assertEquals(await talk.end(), 0);
    assertStringIncludes(talk.stderr, "2 utterances");
  });
}

Deno.test("jsonl: a line an event, as they come; committed text is append-only", async () => {
  await using talk = new Talk(["-f", "jsonl", "--raw", "s16le:16000", "-"]);
  const events = (): LiveEvent[] => talk.stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  await talk.say(await spoken(FIRST));
  await talk.until(() => events().some(({ type }) => type === "final"));
  assertEquals(await talk.end(), 0);
  const [first] = events();
  assertEquals(Object.keys(first!), ["type", "utterance", "startSeconds", "endSeconds"]);
  const committed = events().flatMap((event) => event.type === "committed" ? [event.text] : []).join("");
  assertEquals(committed.trim(), FIRST_TEXT);
  assertEquals([events()[0]!.type, events().at(-1)!.type], ["speech-start", "final"]);
  assertMatch(talk.stdout, /"startSeconds":\d+(\.\d{1,3})?,/);
});

Deno.test("srt and words grow in files: what was written stays, and parsers read it at any moment", async () => {
  await using folder = await Folder.make();
  const args = ["-f", "srt,tsv,vtt", "-o", "out", "--timestamps", "word", "--raw", "s16le:16000", "-"];
  await using talk = new Talk(args, { cwd: folder.path });
  const read = (format: string) => Deno.readTextFile(folder.at("out", `stdin.${format}`)).catch(() => "");
  await talk.say(await spoken(FIRST));
  let early = "";
  while (!early.includes("windows.")) {
    early = await read("srt");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertEquals(parsePlussub(early).entries.map(({ text }) => text), [FIRST_TEXT]);
  await talk.say(await spoken(SECOND));
  assertEquals(await talk.end(), 0);
  const late = await read("srt");
  assert(late.startsWith(early));
  const { entries } = parsePlussub(late);
  assertEquals(entries.map(({ id, text }) => [id, text]), [["1", FIRST_TEXT], ["2", SECOND_TEXT]]);
  assert(entries[1]!.from > entries[0]!.to);
  const rows = (await read("tsv")).trim().split("\n").map((row) => row.split("\t"));
  assertEquals(rows[0], ["start", "end", "text", "confidence", "timing"]);
  assertEquals(rows.slice(1).map((row) => row[2]).join(" "), `${FIRST_TEXT} ${SECOND_TEXT}`);
  assertMatch(await read("vtt"), /^WEBVTT\n\n/);
  assertEquals(talk.stdout, "");
  assertStringIncludes(talk.stderr, "-> out/stdin.srt, out/stdin.tsv, out/stdin.vtt");
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`a microphone and ${signal}: the final text comes, and the exit code is 0`, LINUX, async () => {
    await using folder = await Folder.make();
    const env = await fakeMicrophone(folder, { recording: recording(SECOND), after: "silence" });
    await using talk = new Talk(["--silence", "60", "-f", "jsonl"], { env, cwd: folder.path });
    // It is not final by itself: the pause would have to be a minute long.
    await talk.until(() => talk.stdout.includes("Thursday"));
    talk.kill(signal);
    assertEquals(await talk.end(), 0);
    const last: LiveEvent = JSON.parse(talk.stdout.trim().split("\n").at(-1)!);
    assertEquals(last.type === "final" && last.text, SECOND_TEXT);
  });
}

Deno.test("a microphone that dies: what was heard is kept, the error comes last", LINUX, async () => {
  await using folder = await Folder.make();
  const env = await fakeMicrophone(folder, {
    recording: recording(SECOND),
    after: { dies: "No such device" },
  });
  const { code, stdout, stderr } = await cli(["--mic", "--mic-device", "yeti", "-m", "demo"], {
    env,
    cwd: folder.path,
  });
  assertEquals([code, stdout], [1, `${SECOND_TEXT}\n`]);
  assertMatch(
    stderr,
    /Yeti Stereo Microphone.*: \d\.\d s heard, 1 utterance\n[^]*error: The microphone has stopped: /,
  );
  assertStringIncludes(stderr, 'ffmpeg says "No such device"');
});

Deno.test("--list-devices says what there is", LINUX, async () => {
  await using folder = await Folder.make();
  const env = await fakeMicrophone(folder, { recording: recording(FIRST), after: "end" });
  const { code, stdout } = await cli(["--list-devices"], { env });
  assertEquals(code, 0);
  assertEquals(stdout.split("\n").slice(0, 2), [
    "   Monitor of Built-in Audio Analog Stereo  alsa_output.pci-0000_00_1f.3.analog-stereo.monitor  pulse",
    "*  Built-in Audio Analog Stereo             alsa_input.pci-0000_00_1f.3.analog-stereo           pulse",
  ]);
});

Deno.test("a recording: at once, or at its own speed, with the same text", async () => {
  const file = recording(FIRST);
  const atOnce = await cli(["live", "-m", "demo", file]);
  const start = performance.now();
  const realtime = await cli(["-m", "demo", "--realtime", file]);
  assertEquals([atOnce.code, atOnce.stdout], [0, `${FIRST_TEXT}\n`]);
  assertEquals([realtime.code, realtime.stdout], [0, `${FIRST_TEXT}\n`]);
  const { durationSeconds } = await loadAudio(file);
  assert(performance.now() - start >= durationSeconds * 1000, "no faster than it is said");
});

Deno.test("nobody reads: sound goes on being taken, and all of the text comes when somebody does", async () => {
  await using folder = await Folder.make();
  const count = 1000;
  const script = Array.from({ length: count }, (_, index) => ({
    atSeconds: index / 1000,
    event: textEvent("final", index, `${index} ${"word ".repeat(50)}`.trim()),
  }));
  const marker = folder.at("marker");
  await folder.put("program.json", JSON.stringify({ script, seconds: 1.5, marker }));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "-A", join(ROOT, "tests/support/live_program.ts"), folder.at("program.json")],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // The pipe holds a quarter of the text: the source comes to its end all the same.
  while (!await Deno.stat(marker).then(() => true, () => false)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 0);
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  assertEquals([lines.length, lines.at(-1)!.split(" ").length], [count, 51]);
  assertStringIncludes(new TextDecoder().decode(stderr), "1.5 s heard");
});

Deno.test("nobody reads any more: it ends at once, with its own code", async () => {
  const command = `cat - | "$0" "$@" | head -c 1 >/dev/null; echo "\${PIPESTATUS[1]}"`;
  const args = [
    "run",
    "--no-check",
    "-A",
    join(ROOT, "mod.ts"),
    "live",
    "-m",
    "demo",
    "--raw",
    "s16le:16000",
    "-",
  ];
  const child = new Deno.Command("bash", {
    args: ["-c", command, Deno.execPath(), ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  writer.closed.catch(() => {});
  for (let k = 0; k < 6; k++) await writer.write(await spoken(FIRST)).catch(() => {});
  await writer.close().catch(() => {});
  const { stdout } = await child.output();
  assertEquals(new TextDecoder().decode(stdout).trim(), "141");
});

Deno.test("what cannot be heard is refused in one sentence", async () => {
  const refused = async (...args: string[]) => {
    const { code, stderr } = await cli(args);
    return `${code} ${stderr.trim()}`;
  };
  assertEquals(
    await refused("live", "-f", "json", "-"),
    "2 error: Cannot write json while it is spoken: it is about the whole; jsonl has a line an event",
  );
  assertMatch(await refused("--push-to-talk"), /^2 error: Cannot use --push-to-talk without a terminal/);
  assertMatch(
    await refused("live", "--mic", "--raw", "s16le:16000"),
    /^2 error: Cannot use --raw with a microphone/,
  );
  assertMatch(await refused("--realtime"), /^2 error: Cannot use --realtime without a recording/);
  assertMatch(
    await refused("live", "--mic", "talk.wav"),
    /^2 error: Cannot hear talk.wav and a microphone at once/,
  );
  assertMatch(
    await refused("live", "nowhere.wav"),
    /^1 error: Cannot read nowhere.wav: there is no such file/,
  );
  assertMatch(await refused("live", "-f", "srt,vtt", "-"), /^2 error: Cannot print srt and vtt at once/);
  assertMatch(await refused("live", "a.wav", "b.wav"), /^2 error: live has no use for "b.wav"/);
  assertMatch(await refused("live", "--device", "yeti"), /^2 error: .*--mic-device$/);
  assertMatch(await refused("live", "--silence", "-1", "-"), /^2 error: /);
});

Deno.test("the real session in a terminal: text appears while it is said", LINUX, async () => {
  await using folder = await Folder.make();
  const env = await fakeMicrophone(folder, {
    recording: recording(SECOND),
    after: "silence",
    pieceBytes: 1600,
  });
  await using session = new TerminalSession(["--mic", "-m", "demo"], { cwd: folder.path, env, columns: 60 });
  await session.until(new RegExp(String.raw`\u001b\[2m *\w+`));
  await session.until(/train leaves at ten on Thursday\.[^]*train leaves at ten on Thursday\./);
  await session.press("\x03");
  const { code, screen } = await session.end();
  assertEquals(code, 0, screen.join("\n"));
  assertEquals(screen.filter((line) => line.includes("train")), [SECOND_TEXT]);
  assertMatch(screen.at(-1)!, /heard, 1 utterance$/);
});
