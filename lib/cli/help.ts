/**
 * Help that fits one screen, topics for the rest, and the version.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { nearestName } from "../nearest_name.ts";
import type { Arguments } from "./arguments.ts";
import {
  COMMAND_OPTIONS,
  type CommandName,
  COMMANDS,
  type OptionSpec,
  TRANSCRIBE_GROUPS,
} from "./option_specs.ts";
import type { Terminal } from "./terminal.ts";
import { TOPICS } from "./topics.ts";

/** Version of this package: as in deno.json, where a test holds it. */
export const VERSION = "0.1.0";

/** What `--version` prints. */
export function versionText(): string {
  return `qwen3-asr ${VERSION} (Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch})\n`;
}

const OVERVIEW = `qwen3-asr ${VERSION}: speech to text in 30 languages, on your own machine

Usage  deno run -A jsr:@qwen3/asr [OPTIONS] RECORDING...   (below: qwen3-asr)
  qwen3-asr talk.m4a                          print the text
  qwen3-asr -m 0.6b -l German a.mp3 b.mp3     choose model and language
  qwen3-asr -f srt,txt -o subs film.mkv       write subtitles and text
  qwen3-asr -r interviews -o out --resume     whole folders; again: go on
  curl -s https://host/a.wav | qwen3-asr -    from a pipe
  qwen3-asr live                              a microphone, while you speak
Options (all of them: help options)
  -m, --model NAME|DIR    0.6b, 1.7b, 0.6b-4bit, demo, org/name or a folder
  -l, --language LANG     name or code; detected when left out
      --context TEXT      what it is about: names, spelling, domain
      --range FROM-TO     a part only: 1:00-2:30, 90-
  -f, --format F,...      txt json jsonl srt vtt tsv csv ass lrc
  -o, --output-dir DIR    write files there (--resume: skip what is done)
  -r, --recursive         folders with all their folders (--watch DIR)
  -q, --quiet  -v, --verbose  -y, --yes  --offline  -V, --version
Commands
  models list|download|path|remove|verify  languages doctor setup bench prove
  align RECORDING TEXT_FILE   inspect RECORDING   serve --help   fleet
  completions bash|zsh|fish   help TOPIC
Topics
  options  input  output  subtitles  models  environment  exit
`;

const COMMAND_USAGE: Readonly<Partial<Record<CommandName, string>>> = {
  models: `qwen3-asr models list             what is in the cache, and what can be had
qwen3-asr models download NAME... get models; an interrupted download goes on
qwen3-asr models path NAME        print the folder
qwen3-asr models remove NAME...   delete from the cache
qwen3-asr models verify NAME|DIR  compare every file with its hash
`,
  doctor: "qwen3-asr doctor [--model NAME|DIR] [--json]     checks everything, says what to do\n",
  setup: `qwen3-asr setup [--backend cpu|metal|cuda] [--json]
Prints the path of the native library (libmlxc). Where none works yet, it fetches a prebuilt one,
or builds it where there is none: with MLX from pip and a C++ compiler, in about a minute.
`,
  languages: "qwen3-asr languages [--json]     the languages it knows\n",
  bench: `qwen3-asr bench [RECORDING] [--model NAME|DIR] [--json]
Speed on this machine: 0.6b against 1.7b where they are here, else the demo model.
`,
  prove: `qwen3-asr prove [--model 0.6b] [--output FILE] [--recordings LIST]
Fetches the model and public recordings whose text is known, checks every stage
and every text, and prints a report in Markdown. Exit code 1 when a check fails.
`,
  align: `qwen3-asr align RECORDING TEXT_FILE [-f tsv,srt,...] [-o DIR]
Prints the words of the text with their times. The recording is recognised
first, so that it may be of any length and the text need not be all of it;
words that nobody was heard saying are "unmatched".
`,
  inspect: `qwen3-asr inspect RECORDING [-o DIR]
Writes STEM.inspect.svg (mel, chunks), STEM.inspect.json (chunks, tokens, times) and
STEM.inspect.html: the recording to read and hear in a browser.
`,
  live: `qwen3-asr live                    the microphone (also: qwen3-asr --mic)
qwen3-asr live -                  standard input: WAV, or --raw s16le:16000
qwen3-asr live RECORDING          a recording (--realtime: at its own speed)
What is certain stands firm, what may still change is dim; a pause makes an
utterance final. Ctrl-C ends with the text so far. Into a pipe: a line an
utterance; -f jsonl: a line an event; -f srt and the others grow as they are.
`,
  fleet: `nats-server -js -sd FOLDER                       the queue: once, on any machine
qwen3-asr fleet work --queue nats://HOST         on each machine: until Ctrl-C
qwen3-asr fleet submit FILES --queue nats://HOST     paths that all machines share, or --upload
qwen3-asr fleet status [--json]                  the queue, the machines, the time left
qwen3-asr fleet results -f srt,txt -o DIR        what is done so far
qwen3-asr fleet failed | retry | cancel [NAME|ID... | --all]
A recording submitted twice is decoded once. docs/fleet.md says the rest.
`,
  completions: `qwen3-asr completions bash|zsh|fish
  bash: source <(qwen3-asr completions bash)
  zsh:  qwen3-asr completions zsh > "\${fpath[1]}/_qwen3-asr"
  fish: qwen3-asr completions fish > ~/.config/fish/completions/qwen3-asr.fish
They complete the name qwen3-asr: deno install -g -A -n qwen3-asr jsr:@qwen3/asr
`,
  help: "qwen3-asr help [TOPIC|COMMAND]\n",
};

function row({ name, short, value, help }: OptionSpec): string {
  const left = `  ${short === undefined ? "   " : `-${short},`} --${name}${
    value === undefined ? "" : ` ${value}`
  }`;
  return `${left.padEnd(29)} ${help}\n`;
}

function optionsTopic(): string {
  return Object.entries(TRANSCRIBE_GROUPS).map(([group, specs]) => `${group}\n${specs.map(row).join("")}`)
    .join("");
}

/** The help of a command. */
export function help(name: CommandName): string {
  if (name === "transcribe") return OVERVIEW;
  return `${COMMANDS[name]}\n\n${COMMAND_USAGE[name] ?? ""}\n${COMMAND_OPTIONS[name].map(row).join("")}`;
}

/** Names that `help` takes. */
export const HELP_TOPICS: readonly string[] = ["options", ...Object.keys(TOPICS)];

/** The command `help`: the overview, a topic, or a command's help. */
export function helpCommand(args: Arguments, terminal: Terminal): number {
  const [topic] = args.operands;
  terminal.write(topic === undefined ? OVERVIEW : topicText(topic.toLowerCase()));
  return 0;
}

function topicText(topic: string): string {
  if (topic === "options") return optionsTopic();
  const text = Object.hasOwn(TOPICS, topic) ? TOPICS[topic] : undefined;
  const command = Object.keys(COMMANDS).find((name): name is CommandName => name === topic);
  if (text !== undefined) return text;
  if (command !== undefined) return help(command);
  const known = [...HELP_TOPICS, ...Object.keys(COMMANDS)];
  const nearest = nearestName(topic, known);
  const hint = nearest === undefined ? `; there are ${known.join(", ")}` : `, did you mean ${nearest}?`;
  throw new OptionError(`No help on "${topic}"${hint}`);
}
