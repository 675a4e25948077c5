/**
 * `fleet status` and `fleet failed`: how it stands.
 *
 * @module
 */
import type { Fleet } from "../../fleet/fleet.ts";
import { type Overview, overviewOf } from "../../fleet/overview.ts";
import type { Failure } from "../../fleet/queue.ts";
import type { Machine } from "../../fleet/shelves.ts";
import { clock } from "../../clock.ts";
import { speed } from "../clock.ts";
import { table, type Terminal } from "../terminal.ts";
import type { FleetCall } from "./call.ts";

/** Digits of an id that people need. */
const SHORT_ID = 12;

function machineRow({ name, version, model, device, done, failed, now, ...work }: Machine): string[] {
  const { soundSeconds, busySeconds } = work;
  const at = now === undefined
    ? "idle"
    : `${now.name}${now.part === undefined ? "" : `, part ${now.part + 1}`}, ${
      clock((Date.now() - now.since) / 1000)
    }`;
  const counts = `${done} done${failed > 0 ? `, ${failed} failed` : ""}`;
  return [name, version, model, device, speed(soundSeconds / busySeconds), counts, at];
}

function textOf({ recordings, jobs, atWork, idleModels, machines, leftSeconds }: Overview): string {
  const { done, waiting, failed, lost } = recordings;
  const total = done + waiting + failed + lost;
  const lines = [
    `recordings  ${total}: ${done} done, ${waiting} waiting` +
    `${failed > 0 ? `, ${failed} failed (fleet failed)` : ""}` +
    `${lost > 0 ? `, ${lost} not in the queue (submit them again)` : ""}`,
    `jobs        ${jobs.high} high, ${jobs.normal} normal, ${jobs.low} low; ${atWork} in work`,
    `time left   ${leftSeconds === undefined ? "not known yet" : clock(leftSeconds)}`,
    ...idleModels.map((model) => `nobody works with ${model}: fleet work --model ...`),
  ];
  const rows = [["machine", "version", "model", "device", "speed", "", "now"], ...machines.map(machineRow)];
  return `${lines.join("\n")}\n${machines.length > 0 ? table(rows) : "no machine is at work\n"}`;
}

/** Prints how it stands. */
export async function status({ args, terminal, open }: FleetCall): Promise<number> {
  await using fleet = await open();
  const overview = await overviewOf(fleet);
  terminal.write(args.on("json") ? `${JSON.stringify(overview)}\n` : textOf(overview));
  return 0;
}

function failureRow({ job, error, tries, worker }: Failure): string[] {
  const name = job.part === undefined ? job.name : `${job.name}, part ${job.part + 1}`;
  return [job.id.slice(0, SHORT_ID), name, `${tries} ${tries === 1 ? "try" : "tries"}`, worker, error];
}

/** Prints what failed for good. */
export async function failed({ args, terminal, open }: FleetCall): Promise<number> {
  await using fleet = await open();
  return await (args.on("json") ? printLines(fleet, terminal) : printTable(fleet, terminal));
}

async function printLines(fleet: Fleet, terminal: Terminal): Promise<number> {
  for await (const failure of fleet.queue.failures()) terminal.write(`${JSON.stringify(failure)}\n`);
  return 0;
}

async function printTable(fleet: Fleet, terminal: Terminal): Promise<number> {
  const rows = (await Array.fromAsync(fleet.queue.failures())).map(failureRow);
  terminal.write(rows.length === 0 ? "nothing failed\n" : table(rows));
  return 0;
}
