/**
 * What travels through the queue: a recording to transcribe or a part of one, and the names by which it is known.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename } from "@std/path";
import { parseModelName } from "../hub/mod.ts";
import type { TranscribeOptions } from "../recognize/options.ts";

/** What comes first. */
export const PRIORITIES = ["high", "normal", "low"] as const;

/** What comes first. */
export type Priority = typeof PRIORITIES[number];

/** Options of a transcription that can be sent to another machine. */
export type JobOptions = Omit<
  TranscribeOptions,
  "aligner" | "signal" | "onAbort" | "resume" | "onProgress" | "onProfile"
>;

/** A recording to transcribe, or a part of a long one. */
export interface Job {
  /** See {@linkcode jobId}. */
  id: string;
  /** Which part, from 0; absent: the recording, which may turn out to be one part or many. */
  part?: number;
  /** Path or address, the same on all machines. */
  source: string;
  /** How people call it. */
  name: string;
  /** Whether its bytes are in the object store. */
  isUploaded: boolean;
  /** SHA-256 of its bytes; of an address that names its state, of that. */
  content: string;
  /** Absent where the address does not tell. */
  sizeBytes?: number;
  /** See {@linkcode modelKey}. */
  model: string;
  options: JobOptions;
  priority: Priority;
  /** Longer recordings become parts, in seconds. */
  partSeconds: number;
}

/** Hexadecimal digits of an id: 128 bits. */
const ID_DIGITS = 32;

/** SHA-256 in hexadecimal digits. */
export function sha256(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex");
}

/** JSON that is the same for equal values: keys in order, what is undefined left out. */
function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
        : inner,
  );
}

/** Whether a recording is fetched from an address. */
export function isRemote(source: string): boolean {
  return /^https?:/i.test(source);
}

/** What one transcript is known by: the recording's bytes, the model, and what was asked for. */
export function jobId({ content, model, options }: Pick<Job, "content" | "model" | "options">): string {
  // How many chunks are decoded side by side changes no text.
  const { batchSize: _batchSize, ...asked } = options;
  return sha256(canonical({ content, model, options: asked })).slice(0, ID_DIGITS);
}

/**
 * A model's name as the queue writes it: one word, the same for a short name and the repository that it means. A folder
 * is called by its last part.
 *
 * @throws {OptionError} When it cannot be a model.
 */
export function modelKey(name: string | URL): string {
  const reference = parseModelName(name);
  const words = reference.kind === "demo"
    ? "demo"
    : reference.kind === "folder"
    ? basename(reference.path)
    : reference.repository + (reference.revision === undefined ? "" : `@${reference.revision}`);
  return words.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "model";
}

/** What a job is kept under in the buckets: `ID.whole` or `ID.PART`. */
export function jobKey({ id, part }: Pick<Job, "id" | "part">): string {
  return `${id}.${part ?? "whole"}`;
}

/** The subject on which a job is queued. */
export function jobSubject(job: Pick<Job, "id" | "part" | "model" | "priority">): string {
  return `asr.jobs.${job.model}.${job.priority}.${jobKey(job)}`;
}

/** The subject under which a failed job lies. */
export function failureSubject(job: Pick<Job, "id" | "part" | "model">): string {
  return `asr.failed.${job.model}.${jobKey(job)}`;
}

/** What a subject of either kind says. */
export function parseSubject(
  subject: string,
): { model: string; priority: string | undefined; id: string; part: string } {
  const words = subject.split(".");
  const [part = "", id = ""] = words.toReversed();
  return { model: words[2] ?? "", priority: words.length === 6 ? words[3] : undefined, id, part };
}
