/**
 * Arguments of `fleet`, checked before anything is sent.
 *
 * @module
 */
import { type Rule, wholeFrom } from "../../check_options.ts";
import { OptionError } from "../../errors.ts";
import type { QueueAddress } from "../../fleet/connection.ts";
import { nearestName } from "../../nearest_name.ts";
import type { Arguments } from "../arguments.ts";
import { FLEET_ACTIONS } from "../option_specs.ts";

/** What `fleet` does. */
export type Action = typeof FLEET_ACTIONS[number];

/** Options that mean something to some of them only. */
const OWN_OPTIONS: Readonly<Record<string, readonly Action[]>> = {
  "manifest": ["submit"],
  "priority": ["submit"],
  "upload": ["submit"],
  "upload-gb": ["submit"],
  "part-seconds": ["submit"],
  "name": ["work"],
  "tries": ["work"],
  "lease": ["work"],
  "until-empty": ["work"],
  "all": ["retry", "cancel"],
  "format": ["results"],
  "output-dir": ["results"],
  "output-template": ["results"],
  "json": ["status", "failed"],
};

/** The model of those who name none. */
export const DEFAULT_MODEL = "0.6b";
const DEFAULT_QUEUE = "nats://127.0.0.1:4222";

/** Shorter parts are all overhead, longer ones may be too large for a message. */
const PART_SECONDS: Rule = {
  must: "a number of seconds from 10 to 3600",
  fits: (value) => typeof value === "number" && value >= 10 && value <= 3600,
};
const LEASE_SECONDS: Rule = {
  must: "a number of seconds from 1 to 3600",
  fits: (value) => typeof value === "number" && value >= 1 && value <= 3600,
};
const GIGABYTES: Rule = {
  must: "a number above 0",
  fits: (value) => typeof value === "number" && value > 0 && Number.isFinite(value),
};

/**
 * What to do, and with what.
 *
 * @throws {OptionError} For an unknown word, or an option that means nothing to it.
 */
export function actionOf(args: Arguments): { action: Action; operands: readonly string[] } {
  const [word, ...operands] = args.operands;
  const action = FLEET_ACTIONS.find((one) => one === word);
  if (action === undefined) {
    const nearest = word === undefined ? undefined : nearestName(word, FLEET_ACTIONS);
    const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
    throw new OptionError(
      `fleet ${word === undefined ? "needs a word" : `does not know "${word}"`}${
        hint || `: ${FLEET_ACTIONS.join(", ")}`
      }`,
    );
  }
  for (const [name, actions] of Object.entries(OWN_OPTIONS)) {
    if (args.isFlag(name) && !actions.includes(action)) {
      throw new OptionError(
        `Cannot use --${name} with fleet ${action}: it is for fleet ${actions.join(", ")}`,
      );
    }
  }
  return { action, operands };
}

/** Where the queue is. */
export function addressOf(args: Arguments): QueueAddress {
  return {
    url: args.text("queue") ?? DEFAULT_QUEUE,
    token: args.text("queue-token"),
    credentials: args.text("queue-creds"),
    authority: args.text("queue-ca"),
    certificate: args.text("queue-cert"),
    key: args.text("queue-key"),
  };
}

/** How recordings are submitted. */
export function submitSettings(args: Arguments) {
  const gigabytes = args.number("upload-gb", GIGABYTES);
  return {
    priority: args.choice("priority", ["high", "normal", "low"]) ?? "normal",
    partSeconds: args.number("part-seconds", PART_SECONDS) ?? 600,
    upload: args.on("upload"),
    uploadBytes: gigabytes === undefined ? undefined : Math.round(gigabytes * 1e9),
  } as const;
}

/** How this machine works. */
export function workSettings(args: Arguments): { name: string; tries: number; leaseSeconds: number } {
  return {
    // One word of a subject.
    name: (args.text("name") ?? `${hostName()}-${Deno.pid}`).replace(/[^A-Za-z0-9_-]+/g, "-"),
    tries: args.number("tries", wholeFrom(1)) ?? 5,
    leaseSeconds: args.number("lease", LEASE_SECONDS) ?? 30,
  };
}

function hostName(): string {
  try {
    return Deno.hostname();
  } catch {
    return "machine"; // Not allowed to ask.
  }
}
