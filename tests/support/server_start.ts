/**
 * Starts a server with the demo model on a free port, and sends requests to it.
 *
 * @module
 */
import { Qwen3ASR } from "../../mod.ts";
import { type RunningServer, serve, type ServeOptions } from "../../lib/server/mod.ts";

/** Text of each recording, as demo/refs.tsv has it. */
export async function references(): Promise<Map<string, string>> {
  const table = await Deno.readTextFile(new URL("../../demo/refs.tsv", import.meta.url));
  return new Map(
    table.trim().split("\n").slice(1).map((line) => {
      const [file = "", , text = ""] = line.split("\t");
      return [file, text];
    }),
  );
}

/** Path of a demo recording. */
export function recording(name: string): string {
  return new URL(`../../demo/recordings/${name}`, import.meta.url).pathname;
}

/** A demo recording as a file of a form. */
export async function fileOf(name: string): Promise<File> {
  return new File([await Deno.readFile(recording(name))], name, { type: "audio/wav" });
}

let demo: Promise<Qwen3ASR> | undefined;

/** The demo model, loaded once for all servers of a test file. */
export function demoModel(): Promise<Qwen3ASR> {
  return demo ??= Qwen3ASR.load("demo");
}

/** Starts a server with the demo model. */
export async function start(options: ServeOptions = {}): Promise<RunningServer> {
  return await serve({ model: await demoModel(), port: 0, ...options });
}

/** A form with the parameters followed by a recording. */
export async function formOf(name: string, parameters: Record<string, string> = {}): Promise<FormData> {
  const form = new FormData();
  for (const [key, value] of Object.entries(parameters)) form.append(key, value);
  form.append("file", await fileOf(name));
  return form;
}

/** Requests a transcription. */
export async function post(server: RunningServer, body: BodyInit, init: RequestInit = {}): Promise<Response> {
  return await fetch(`${server.url}/v1/audio/transcriptions`, { method: "POST", body, ...init });
}

/** Status and error object of a refusal. */
export async function refusal(response: Response): Promise<{ status: number; [key: string]: unknown }> {
  const { error } = await response.json();
  return { status: response.status, ...error };
}
