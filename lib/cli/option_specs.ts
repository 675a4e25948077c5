/**
 * Every option of the command line, once: parsing, environment, help and shell completion read this table.
 *
 * @module
 */

/** One option. */
export interface OptionSpec {
  /** Long name without dashes. */
  name: string;
  /** One letter. */
  short?: string;
  /** What stands for the value in the help; absent: a switch. */
  value?: string;
  /** One line of help. */
  help: string;
  /** Values that a shell can offer. */
  choices?: readonly string[];
  /** What a shell offers as value. */
  completes?: "file" | "folder";
  /** Has no environment variable. */
  onlyFlag?: boolean;
}

/** Options of every command. */
const COMMON = [
  { name: "help", short: "h", help: "this help", onlyFlag: true },
  { name: "version", short: "V", help: "version of this program and of Deno", onlyFlag: true },
  { name: "quiet", short: "q", help: "only errors on the terminal" },
  { name: "verbose", short: "v", help: "model, stages and times too" },
  { name: "color", help: "colours on a terminal (--no-color, NO_COLOR)" },
] as const satisfies readonly OptionSpec[];

/** Which model, and how it runs. */
const MODEL = [
  {
    name: "model",
    short: "m",
    value: "NAME|DIR",
    help: "0.6b, 1.7b, 0.6b-4bit, demo, org/name, or a folder",
    choices: ["demo", "0.6b", "1.7b", "0.6b-4bit", "1.7b-4bit"],
    completes: "folder",
  },
  { name: "device", value: "DEVICE", help: "auto, cpu or gpu", choices: ["auto", "cpu", "gpu"] },
  {
    name: "dtype",
    value: "TYPE",
    help: "auto, float32, float16 or bfloat16",
    choices: ["auto", "float32", "float16", "bfloat16"],
  },
  { name: "threads", value: "N", help: "threads of a CPU" },
  { name: "library", value: "FILE", help: "path of libmlxc", completes: "file" },
] as const satisfies readonly OptionSpec[];

const OFFLINE = { name: "offline", help: "no network: nothing is downloaded" } as const satisfies OptionSpec;

/** What times words. */
const ALIGNER = {
  name: "aligner",
  value: "NAME|DIR",
  help: "times words: demo, aligner, none, or a folder",
  choices: ["aligner", "demo", "none"],
  completes: "folder",
} as const satisfies OptionSpec;

/** Network and questions. */
const NETWORK = [
  OFFLINE,
  { name: "yes", short: "y", help: "download or delete without asking" },
] as const satisfies readonly OptionSpec[];

/** What is heard. */
const SPEECH = [
  { name: "language", short: "l", value: "LANG", help: "name or code; auto (detected) when left out" },
  { name: "languages", value: "A,B,...", help: "detect among these only" },
  { name: "context", value: "TEXT", help: "what it is about: names, spelling, domain" },
  { name: "hotwords", value: "FILE", help: "words to expect, one a line", completes: "file" },
  { name: "range", value: "FROM-TO", help: "a part only: 1:00-2:30, 90-, -0:30" },
  { name: "track", value: "N|LANG", help: "one of several audio tracks: number, language" },
  { name: "raw", value: "F:RATE", help: "samples without a header, e.g. s16le:16000" },
  {
    name: "timestamps",
    value: "OF",
    help: "segment, or word: words have times too (segment)",
    choices: ["segment", "word"],
  },
  { name: "chunk-seconds", value: "N", help: "longest chunk of a recording, in seconds (30)" },
  {
    name: "vad",
    value: "on|off",
    help: "skip what is no speech; off hears songs too (on)",
    choices: ["on", "off"],
  },
  { name: "vad-threshold", value: "P", help: "how likely speech must be, 0 to 1 (0.5)" },
  { name: "vad-min-silence", value: "S", help: "seconds of silence that end speech (0.1)" },
  { name: "vad-speech-pad", value: "S", help: "seconds kept beside speech (0.03)" },
  { name: "rescue-budget", value: "N", help: "most to decode again, in parts of it all (0.5)" },
  { name: "batch-size", value: "N", help: "chunks decoded side by side" },
  { name: "temperature", value: "T", help: "0: the likeliest token (0)" },
  { name: "seed", value: "N", help: "random numbers when the temperature is above 0 (0)" },
  { name: "max-tokens", value: "N", help: "most tokens of a chunk" },
] as const satisfies readonly OptionSpec[];

/** What is written. */
const OUTPUT = [
  {
    name: "format",
    short: "f",
    value: "F,...",
    help: "txt json jsonl srt vtt tsv csv ass lrc (txt)",
    choices: ["txt", "json", "jsonl", "srt", "vtt", "tsv", "csv", "ass", "lrc"],
  },
  { name: "output-dir", short: "o", value: "DIR", help: "write files there", completes: "folder" },
  { name: "output-template", value: "PATH", help: "{parent}/{stem}.{format}; also {ext}" },
  { name: "resume", help: "skip what is done, finish what is half done" },
  { name: "line-width", value: "N", help: "widest subtitle line, CJK counts 2 (42)" },
  { name: "max-lines", value: "N", help: "most lines of a subtitle (2)" },
  { name: "highlight-words", help: "mark the word being said: srt vtt ass lrc" },
  { name: "reading-speed", value: "N", help: "columns a viewer reads a second (21)" },
  { name: "json-stats", help: "one line of JSON a recording on standard error" },
] as const satisfies readonly OptionSpec[];

/** Where recordings come from. */
const INPUT = [
  { name: "recursive", short: "r", help: "folders with all their folders" },
  { name: "watch", value: "DIR", help: "transcribe what arrives there, until Ctrl-C", completes: "folder" },
] as const satisfies readonly OptionSpec[];

/** Live text: where it comes from, and when. */
const LIVE = [
  { name: "mic", help: "hear the microphone", onlyFlag: true },
  { name: "mic-device", value: "NAME", help: "which microphone: its name or a part of it" },
  { name: "list-devices", help: "the microphones there are", onlyFlag: true },
  { name: "realtime", help: "hear a recording at its own speed", onlyFlag: true },
  { name: "push-to-talk", help: "space begins to talk, space ends it", onlyFlag: true },
  { name: "step", value: "S", help: "seconds between two looks at the text (1)" },
  { name: "silence", value: "S", help: "seconds of silence that end an utterance (0.5)" },
] as const satisfies readonly OptionSpec[];

const LIVE_SPEECH: readonly string[] = [
  "language",
  "languages",
  "context",
  "hotwords",
  "raw",
  "timestamps",
  "vad-threshold",
];

/** Which native library. */
const BACKEND = {
  name: "backend",
  value: "NAME",
  help: "cpu, metal or cuda (metal on a Mac, else cpu)",
  choices: ["cpu", "metal", "cuda"],
  onlyFlag: true,
} as const satisfies OptionSpec;

/** The queue of a fleet: where it is, and who we are. */
const QUEUE = [
  { name: "queue", value: "URL", help: "nats://[USER:PASSWORD@]HOST:4222 or tls:// (nats://127.0.0.1:4222)" },
  { name: "queue-token", value: "TOKEN", help: "better in QWEN3_ASR_QUEUE_TOKEN" },
  { name: "queue-creds", value: "FILE", help: "a .creds file: JWT and seed", completes: "file" },
  { name: "queue-ca", value: "FILE", help: "who signed the server's certificate (PEM)", completes: "file" },
  { name: "queue-cert", value: "FILE", help: "our own certificate (PEM)", completes: "file" },
  { name: "queue-key", value: "FILE", help: "its private key (PEM)", completes: "file" },
] as const satisfies readonly OptionSpec[];

/** What `fleet` does. */
export const FLEET_ACTIONS = ["submit", "work", "status", "results", "failed", "retry", "cancel"] as const;

/** Options of that. */
const FLEET = [
  { name: "manifest", value: "FILE", help: "submit: paths and addresses, one a line", completes: "file" },
  {
    name: "priority",
    value: "P",
    help: "submit: high, normal or low (normal)",
    choices: ["high", "normal", "low"],
  },
  { name: "upload", help: "submit: through the queue, where no disk is shared" },
  { name: "upload-gb", value: "N", help: "submit: room for these, when it is made (10)" },
  { name: "part-seconds", value: "N", help: "submit: longer ones become parts (600)" },
  { name: "name", value: "NAME", help: "work: this machine's (host name and process)" },
  { name: "tries", value: "N", help: "work: how often a job may fail (5)" },
  { name: "lease", value: "S", help: "work: a silent machine's job goes to another (30)" },
  { name: "until-empty", help: "work: end when nothing is left", onlyFlag: true },
  { name: "all", help: "cancel, retry: all of them", onlyFlag: true },
] as const satisfies readonly OptionSpec[];

const JSON_OUTPUT = { name: "json", help: "the result as JSON" } as const satisfies OptionSpec;

/** Options of `transcribe`, grouped as the help shows them. */
export const TRANSCRIBE_GROUPS: Readonly<Record<string, readonly OptionSpec[]>> = {
  Speech: SPEECH,
  Input: INPUT,
  Output: OUTPUT,
  Model: [...MODEL, ALIGNER, ...NETWORK],
  General: COMMON,
};

/** Options by command. */
export const COMMAND_OPTIONS = {
  transcribe: [...SPEECH, ...INPUT, ...OUTPUT, ...MODEL, ALIGNER, ...NETWORK, ...COMMON],
  models: [...NETWORK, JSON_OUTPUT, ...COMMON],
  doctor: [...MODEL, JSON_OUTPUT, ...COMMON],
  setup: [BACKEND, OFFLINE, JSON_OUTPUT, ...COMMON],
  languages: [JSON_OUTPUT, ...COMMON],
  bench: [...MODEL, JSON_OUTPUT, ...COMMON],
  prove: [
    ...MODEL,
    ALIGNER,
    ...NETWORK,
    {
      name: "recordings",
      value: "FILE",
      help: "a list of your own: docs/proof.md",
      completes: "file",
      onlyFlag: true,
    },
    { name: "output", value: "FILE", help: "write the report there", completes: "file", onlyFlag: true },
    ...COMMON,
  ],
  align: [
    ...MODEL,
    ALIGNER,
    ...NETWORK,
    ...SPEECH.filter(({ name }) => name === "language"),
    ...OUTPUT.filter(({ name }) => name !== "output-template" && name !== "resume" && name !== "json-stats"),
    ...COMMON,
  ],
  live: [
    ...LIVE,
    ...SPEECH.filter(({ name }) => LIVE_SPEECH.includes(name)),
    ...OUTPUT.filter(({ name }) => name !== "resume" && name !== "json-stats"),
    ...MODEL,
    ALIGNER,
    ...NETWORK,
    ...COMMON,
  ],
  inspect: [
    ...MODEL,
    ...NETWORK,
    ...SPEECH.filter(({ name }) =>
      ["language", "range", "track", "raw", "vad", "vad-threshold"].includes(name)
    ),
    ...OUTPUT.filter(({ name }) => name === "output-dir"),
    ...COMMON,
  ],
  fleet: [
    ...QUEUE,
    ...FLEET,
    ...SPEECH,
    ...INPUT.filter(({ name }) => name === "recursive"),
    ...OUTPUT.filter(({ name }) => name !== "resume" && name !== "json-stats"),
    ...MODEL,
    ALIGNER,
    ...NETWORK,
    JSON_OUTPUT,
    ...COMMON,
  ],
  completions: COMMON,
  help: COMMON,
} as const satisfies Record<string, readonly OptionSpec[]>;

/** A command's name. */
export type CommandName = keyof typeof COMMAND_OPTIONS;

/** One line on each command, in the order in which help lists them. */
export const COMMANDS: Readonly<Record<CommandName, string>> = {
  transcribe: "recordings to text; what happens when no command is named",
  models: "list, download, path, remove, verify",
  doctor: "checks everything and says what to do",
  setup: "gets the native library, if none works yet",
  languages: "the languages it knows",
  bench: "speed of this machine",
  live: "words while they are spoken: a microphone, a pipe",
  prove: "what is right here: a report to paste",
  align: "times for the words of a known text",
  inspect: "what the model sees: a picture, JSON, a page",
  fleet: "an archive over many machines: submit, work, status, results",
  completions: "for bash, zsh or fish",
  help: "help TOPIC: " + ["input", "output", "subtitles", "models", "environment", "exit"].join(", "),
};

/** The environment variable of an option. */
export function variableOf({ name }: OptionSpec): string {
  return `QWEN3_ASR_${name.replaceAll("-", "_").toUpperCase()}`;
}
