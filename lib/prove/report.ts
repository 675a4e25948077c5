/**
 * A proof as Markdown, to paste into an issue.
 *
 * @module
 */
import { homeDirectory } from "../hub/environment.ts";
import type { TranscriptStats } from "../transcript.ts";
import { type Hearing, percent, timings, totalErrors } from "./hearing.ts";
import { passes, type Proof } from "./proof.ts";

/** A cell: one line, bars escaped, and no name of a home folder. */
function cell(text: string): string {
  const home = homeDirectory();
  const shown = home === undefined || home.length < 2 ? text : text.replaceAll(home, "~");
  return shown.replace(/\s+/g, " ").replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (row: readonly string[]) => `| ${row.map(cell).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line), ""];
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

function threadsText(threads: number | undefined): string {
  return threads === undefined ? "" : `, ${threads} thread${threads === 1 ? "" : "s"}`;
}

function facts({ version, date, machine, info, commit, peakProcessBytes, hearings }: Proof): string[] {
  const memory = machine.memoryBytes === undefined ? "" : `, ${megabytes(machine.memoryBytes)}`;
  const peak = Math.max(0, ...hearings.map(({ transcript }) => transcript?.stats.peakMemoryBytes ?? 0));
  return table(["", ""], [
    ["program", `@qwen3/asr ${version}, Deno ${machine.deno}`],
    ["date", date.toISOString()],
    ["system", machine.system],
    ["machine", `${machine.processor}, ${machine.cores} cores${memory}`],
    ...(info === undefined ? [] : [
      ["MLX", info.mlxVersion],
      ["model", `${info.name}${commit === undefined ? "" : ` at ${commit}`}`],
      [
        "checkpoint",
        `${info.layout}, ${megabytes(info.storedBytes)}, in memory ${megabytes(info.weightBytes)}`,
      ],
      [
        "runs on",
        `${info.device}, ${info.dtype}${threadsText(info.threads)}`,
      ],
      ["loaded in", `${Math.round(info.loadMs)} ms`],
      ["peak memory", `MLX ${megabytes(peak)}, process ${megabytes(peakProcessBytes)}`],
    ]),
  ]);
}

function pinText({ recording, fetched }: Hearing): string {
  if (fetched === undefined) return "-";
  return recording.sha256 === undefined
    ? `not pinned: ${fetched.sha256}`
    : `pinned: ${fetched.sha256.slice(0, 16)}…`;
}

function recordingRow(hearing: Hearing): string[] {
  const { recording, transcript, errors } = hearing;
  if (transcript === undefined || errors === undefined) {
    return [recording.name, "-", "-", "-", "-", "-", pinText(hearing)];
  }
  return [
    recording.name,
    transcript.durationSeconds.toFixed(1),
    `${errors.errors} of ${errors.words}`,
    percent(errors.rate),
    transcript.language || "none",
    transcript.coverage.verdict,
    pinText(hearing),
  ];
}

function texts(hearings: readonly Hearing[]): string[] {
  const fenced = (text: string) => text.replace(/\s+/g, " ").replaceAll("```", "'''");
  const different = hearings.filter(({ errors }) => errors !== undefined && errors.errors > 0);
  return different.flatMap(({ recording, transcript }) => [
    `\`${recording.name}\``,
    "",
    "```text",
    `expected  ${fenced(recording.text)}`,
    `heard     ${fenced(transcript?.text ?? "")}`,
    "```",
    "",
  ]);
}

const STAGES = [
  ["audio", "audioMs"],
  ["voice activity", "vadMs"],
  ["mel", "melMs"],
  ["encoder", "encoderMs"],
  ["prefill", "prefillMs"],
  ["decode", "decodeMs"],
  ["word times", "alignMs"],
] as const;

function speed(hearings: readonly Hearing[]): string[] {
  const known = hearings.flatMap(({ transcript }) => transcript ?? []);
  const sum = (name: keyof TranscriptStats) => known.reduce((total, { stats }) => total + stats[name], 0);
  const seconds = known.reduce((total, { durationSeconds }) => total + durationSeconds, 0);
  const total = sum("totalMs");
  if (total === 0 || seconds === 0) return [];
  const rows = STAGES.map(([name, key]) => [name, sum(key)] as const);
  const other = total - rows.reduce((all, [, ms]) => all + ms, 0);
  const row = (name: string, ms: number) => [
    name,
    `${Math.round(ms)}`,
    percent(ms / total),
    (ms / seconds).toFixed(2),
  ];
  const tokens = sum("generatedTokens");
  return [
    "## Speed",
    "",
    ...table(["stage", "ms", "part", "ms a second of audio"], [
      ...rows.map(([name, ms]) => row(name, ms)),
      row("other", Math.max(0, other)),
      row("all", total),
    ]),
    `${seconds.toFixed(1)} s of audio in ${(total / 1000).toFixed(2)} s: real time factor ` +
    `${(total / 1000 / seconds).toFixed(4)}, ${(1000 * seconds / total).toFixed(1)} times real time, ` +
    `${Math.round(1000 * tokens / Math.max(1, sum("decodeMs")))} tokens a second.`,
    "",
  ];
}

function wordTimes(hearings: readonly Hearing[]): string[] {
  const rows = hearings.flatMap(({ recording, transcript }) => {
    if (transcript === undefined) return [];
    const { aligned, repaired, approximate } = timings(transcript);
    const words = transcript.segments.flatMap(({ words }) => words ?? []);
    const first = words.slice(0, 3).map(({ text, startSeconds, endSeconds }) =>
      `${text} ${startSeconds.toFixed(2)}-${endSeconds.toFixed(2)}`
    );
    return [[recording.name, `${aligned}`, `${repaired}`, `${approximate}`, first.join(", ")]];
  });
  if (rows.length === 0) return [];
  const isTimed = rows.some(([, aligned, repaired]) => aligned !== "0" || repaired !== "0");
  return [
    "## Times of words",
    "",
    ...(isTimed ? [] : ["No aligner was here: all times are approximate.", ""]),
    ...table(["recording", "aligned", "repaired", "approximate", "first words, in seconds"], rows),
  ];
}

/** The whole report. */
export function reportOf(proof: Proof): string {
  const { checks, hearings, info } = proof;
  const failed = checks.filter(({ passed }) => !passed).map(({ name }) => name);
  const verdict = passes(proof) ? "PASS" : "FAIL";
  const counts = `${checks.length} checks, ${failed.length === 0 ? "all passed" : `${failed.length} failed`}`;
  const { errors, words, rate } = totalErrors(hearings);
  return [
    `# Proof of ${info?.name ?? "a model that could not be loaded"}: ${verdict}`,
    "",
    `${counts}. ${
      words === 0 ? "Nothing was heard." : `${errors} of ${words} words wrong, ${percent(rate)}.`
    }`,
    "",
    ...(failed.length === 0 ? [] : [`Failed: ${failed.join(", ")}.`, ""]),
    ...facts(proof),
    "## Checks",
    "",
    ...table(
      ["check", "result", "found", "expected"],
      checks.map(({ name, passed, found, expected }) => [name, passed ? "ok" : "**FAIL**", found, expected]),
    ),
    "## Recordings",
    "",
    ...table(
      ["recording", "seconds", "word errors", "rate", "language", "verdict", "SHA-256"],
      hearings.map(recordingRow),
    ),
    ...texts(hearings),
    ...speed(hearings),
    ...wordTimes(hearings),
  ].join("\n").trimEnd() + "\n";
}
