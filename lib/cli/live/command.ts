/**
 * The command `live`: words while they are spoken.
 *
 * @module
 */
import { OptionError } from "../../errors.ts";
import { listMicrophones } from "../../audio/microphone.ts";
import type { Qwen3ASR } from "../../qwen3_asr.ts";
import { LIVE_RULES, type LiveOptions } from "../../recognize/live/options.ts";
import { VAD_RULES } from "../../vad/intervals.ts";
import type { Arguments } from "../arguments.ts";
import { loadModel } from "../get_model.ts";
import { type Input, planInputs } from "../inputs.ts";
import { Interruption } from "../interruption.ts";
import type { OutputPlan } from "../outputs.ts";
import { formatsOf, type ModelSettings, modelSettings, speechOptions, writerOptions } from "../settings.ts";
import { table, type Terminal } from "../terminal.ts";
import { transcriptPlan } from "../transcribe.ts";
import { OutputProbe } from "../write_file.ts";
import { hear } from "./hear.ts";
import { FileSink } from "./sinks.ts";
import { type LiveSource, openMicrophone, openRecording } from "./sources.ts";

/** Where sound comes from. */
interface Wanted {
  input: Input;
  /** Opens it; what it says is wrong is known before a model is loaded. */
  open: (signal: AbortSignal) => Promise<LiveSource>;
  isMicrophone: boolean;
}

/** `live-20261128-170212`: files of a microphone do not replace each other. */
function stemOfNow(): string {
  const [date = "", time = ""] = new Date().toISOString().replace(/[-:]/g, "").split(/[T.]/);
  return `live-${date}-${time}`;
}

function microphone(args: Arguments): Wanted {
  const device = args.text("mic-device");
  if (args.text("raw") !== undefined && args.isFlag("raw")) {
    throw new OptionError("Cannot use --raw with a microphone: - reads standard input");
  }
  return {
    input: {
      source: "microphone",
      name: "microphone",
      stem: stemOfNow(),
      extension: "",
      parent: "",
      below: "",
    },
    open: (signal) => openMicrophone({ device, signal }),
    isMicrophone: true,
  };
}

async function recording(operand: string, args: Arguments): Promise<Wanted> {
  const { inputs: [input], bad: [fault] } = await planInputs([operand], {
    recursive: false,
    offline: args.on("offline"),
  });
  if (fault !== undefined) throw fault.error;
  if (input === undefined) throw new OptionError(`Cannot hear ${operand}`);
  const options = { name: input.name, isRealtime: args.on("realtime"), raw: args.text("raw") };
  return {
    input,
    open: () => Promise.resolve(openRecording(input.source, options)),
    isMicrophone: false,
  };
}

/** What was asked to be heard: the microphone, unless something else is named. */
async function wantedSource(args: Arguments): Promise<Wanted> {
  const [operand] = args.operands;
  const isMicrophone = args.on("mic") || args.isFlag("mic-device");
  if (operand === undefined) {
    if (args.on("realtime")) throw new OptionError("Cannot use --realtime without a recording: name one");
    return microphone(args);
  }
  if (isMicrophone) throw new OptionError(`Cannot hear ${operand} and a microphone at once`);
  if (args.on("push-to-talk")) {
    throw new OptionError(`Cannot use --push-to-talk with ${operand}: nobody talks`);
  }
  return await recording(operand, args);
}

/** What is heard and how often. */
async function liveOptions(args: Arguments, isPatient: boolean): Promise<LiveOptions> {
  const { language, languages, context, hotwords, timestamps } = await speechOptions(args);
  return {
    language,
    languages,
    context,
    hotwords,
    timestamps,
    // A recording waits: nobody is told late.
    onOverload: isPatient ? "wait" : "lengthen",
    stepSeconds: args.number("step", LIVE_RULES.stepSeconds),
    vad: {
      threshold: args.number("vad-threshold", VAD_RULES.threshold),
      minSilenceSeconds: args.number("silence", VAD_RULES.minSilenceSeconds),
    },
  };
}

/** Prints what can be heard. */
async function listDevices(terminal: Terminal): Promise<number> {
  const devices = await listMicrophones();
  if (devices.length === 0) terminal.warn("There is no microphone that ffmpeg knows");
  terminal.write(
    table(devices.map(({ isDefault, name, id, system }) => [isDefault ? "*" : " ", name, id, system])),
  );
  return devices.length === 0 ? 1 : 0;
}

/** Formats, and where they go. */
function planOutput(args: Arguments): OutputPlan {
  const asked = formatsOf(args);
  if (asked.includes("json") && args.isFlag("format")) {
    throw new OptionError(
      "Cannot write json while it is spoken: it is about the whole; jsonl has a line an event",
    );
  }
  const formats = asked.filter((format) => format !== "json");
  return transcriptPlan(args, formats.length === 0 ? ["txt"] : formats);
}

function refuseKeys(args: Arguments): void {
  if (!args.on("push-to-talk") || Deno.stdin.isTerminal()) return;
  throw new OptionError("Cannot use --push-to-talk without a terminal: there are no keys");
}

/** `--device` is where the model computes, here as everywhere. */
function settingsOf(args: Arguments): ModelSettings {
  try {
    return modelSettings(args);
  } catch (error) {
    const name = args.text("device") ?? "";
    if (!(error instanceof OptionError) || !error.message.includes(`--device ${name}`)) throw error;
    throw new OptionError(`${error.message}; a microphone is named by --mic-device`, { cause: error });
  }
}

/** Everything that was asked for, checked. */
interface Plan {
  model: ModelSettings;
  wanted: Wanted;
  output: OutputPlan;
  options: LiveOptions;
}

async function planAll(args: Arguments): Promise<Plan> {
  refuseKeys(args);
  const model = settingsOf(args);
  const output = planOutput(args);
  const wanted = await wantedSource(args);
  output.check(wanted.isMicrophone ? [] : [wanted.input]);
  const isPatient = !wanted.isMicrophone && wanted.input.source !== "-" && !args.on("realtime");
  const options = await liveOptions(args, isPatient);
  await output.try(wanted.input, new OutputProbe());
  return { model, wanted, output, options };
}

async function listen(
  asr: Qwen3ASR,
  { wanted, output, options }: Plan,
  args: Arguments,
  { terminal, interruption }: { terminal: Terminal; interruption: Interruption },
): Promise<void> {
  const writer = { ...writerOptions(args), byWord: options.timestamps === "word", title: wanted.input.stem };
  await using stack = new AsyncDisposableStack();
  const files: FileSink[] = [];
  for (const format of output.toFiles ? output.formats : []) {
    const path = output.path(wanted.input, format);
    files.push(stack.use(await FileSink.open({ path, format, options: writer, terminal })));
  }
  const source = stack.use(await wanted.open(interruption.signal));
  const stream = stack.use(asr.live(options));
  await hear(stream, source, {
    terminal,
    interruption,
    format: output.toFiles ? undefined : output.formats[0],
    writer,
    files,
    isPushToTalk: args.on("push-to-talk"),
  });
}

/** Runs the command. */
export async function live(args: Arguments, terminal: Terminal): Promise<number> {
  if (args.on("list-devices")) return await listDevices(terminal);
  const plan = await planAll(args);
  using interruption = new Interruption(() => {});
  const { signal } = interruption;
  // A microphone that cannot be heard is told before a model is loaded for it.
  if (plan.wanted.isMicrophone) {
    await using _probe = await plan.wanted.open(signal);
  }
  await using asr = await loadModel(plan.model, terminal, signal);
  interruption.libraryPath = asr.info.libraryPath;
  signal.throwIfAborted();
  await listen(asr, plan, args, { terminal, interruption });
  return 0;
}
