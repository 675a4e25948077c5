/**
 * The public recordings that a proof listens to, with what the real Qwen3-ASR 1.7B wrote of them (docs/proof.md).
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { resolveLanguage } from "../text/languages.ts";

/** A recording whose text is known. */
export interface ProofRecording {
  /** Short, for the report. */
  name: string;
  /** Web address, or path of a file. */
  url: string;
  /** Its SHA-256; a recording without one is not pinned, and the report prints the sum that was seen. */
  sha256?: string;
  /** Its size, where the sum is known. */
  sizeBytes?: number;
  /** Canonical English name of its language. */
  language: string;
  /** What it must be heard as. */
  text: string;
  /** Most errors for each word of the text; without it only the sum over all recordings counts. */
  maxErrorRate?: number;
}

/** Most word errors over all recordings, against texts that a larger model wrote. */
export const MAX_ERROR_RATE = 0.2;
/** One word of the speech's 22. */
const CLEAR_SPEECH = 0.05;

const SPEECH =
  "https://raw.githubusercontent.com/ggml-org/whisper.cpp/d1be6fde11ac6e0407606b4e42fe72d34add8037/samples/";
const FILM =
  "https://raw.githubusercontent.com/antirez/qwen-asr/b00b789b17051aea61e9717458171100662318a4/samples/" +
  "night_of_the_living_dead_1968/";

/** An archive speech and clips of a film. */
export const PUBLIC_RECORDINGS: readonly ProofRecording[] = [
  {
    name: "jfk",
    url: `${SPEECH}jfk.wav`,
    sha256: "59dfb9a4acb36fe2a2affc14bacbee2920ff435cb13cc314a08c13f66ba7860e",
    sizeBytes: 352078,
    language: "English",
    text: "And so, my fellow Americans, ask not what your country can do for you. Ask what you can do for " +
      "your country.",
    maxErrorRate: CLEAR_SPEECH,
  },
  {
    name: "5s_were_better_off_up_here",
    url: `${FILM}5s_were_better_off_up_here.wav`,
    sha256: "7ce9d922ffe8c9e06a72b8f3f7d99ab3996673b22b5049267550ac38fb95ba1c",
    sizeBytes: 160080,
    language: "English",
    text: "Well, I still think we're better off up here. We could strengthen everything up, Mr. Cooper.",
  },
  {
    name: "12s_if_anything_should_try_to_break_in",
    url: `${FILM}12s_if_anything_should_try_to_break_in.wav`,
    sha256: "d4e2e66816b5a232185b1388e7cc0f4279c1f84a62a6984c720d395d95768a86",
    sizeBytes: 372668,
    language: "English",
    text: "If anything should try to break in here, I can hear it from up there, and I'll be down to take " +
      "care of it. Everything is all right for now. I'll be back to reinforce the windows and doors " +
      "later.",
  },
  {
    name: "15s_there_are_two_of_them_out_there",
    url: `${FILM}15s_there_are_two_of_them_out_there.wav`,
    sha256: "73dea810a39508b62fe588620b36f0fe55c64169680a81bc9ceed0867682fc0b",
    sizeBytes: 480080,
    language: "English",
    text: "There are two of them out there. Have you seen any more around here? I can take care of those " +
      "two. I don't know. I don't know. I don't know. What's happening?",
  },
  {
    name: "21s_hey_thats_us_were_doing_all_right",
    url: `${FILM}21s_hey_thats_us_were_doing_all_right.wav`,
    sha256: "7c86a44264eccd83bf0bd086f44646df3964817c6abe71c213c07f44ca71c6b5",
    sizeBytes: 677758,
    language: "English",
    text: "Hey, that's us. We're doing all right. Cautious of any suspicious strangers, and keep tuned to " +
      "your radio and television for survival instructions and further details of this continuing " +
      "story. Look, I don't know if you're hearing me, but I'm going upstairs now. If anything should " +
      "try to break in here, I can hear it from up there, and I'll be down to take care of it.",
  },
  {
    name: "45s_dont_be_afraid_of_me",
    url: `${FILM}45s_dont_be_afraid_of_me.wav`,
    sha256: "e802f54deead8c40e8220c02fe64f90c575cfc01072dd4b9d500e1b3e65784c6",
    sizeBytes: 1440080,
    language: "English",
    text: "Don't be afraid of me. I'm Helen Cooper, Harry's wife. This place is ridiculous. Look at this. " +
      "There's a million weak spots up here. Give me one of those.",
  },
  {
    name: "60s_i_dont_want_anyones_life_on_my_hands",
    url: `${FILM}60s_i_dont_want_anyones_life_on_my_hands.wav`,
    sha256: "ad245934c8b7122bcb29aefc04710919102428f46d1e2e3f4465b685789000fe",
    sizeBytes: 1912060,
    language: "English",
    text: "I don't want anyone's life on my hands. Is there anything I can do? I don't want to hear any " +
      "more from you, Mister. If you stay up here, you take orders from me, and that includes leaving " +
      "the girl alone. It's on. It's on. There's no sound. Play with the rabbit ears. Reports, " +
      "incredible as they seem, are not the results of mass hysteria. Mass hysteria. What do they think " +
      "we're imagining all this? Shut up! In all parts of the country, the wave of murder which is " +
      "sweeping the eastern third of the nation is being committed by creatures who feast upon the " +
      "flesh of their victims. First eyewitness accounts of this grisly development came from people " +
      "who were understandably frightened and almost incoherent. Officials and newsmen at first " +
      "discounted those eyewitness descriptions as being beyond belief. However, the reports persisted. " +
      "Medical examinations of some of the victims bore out the fact that they had been partially " +
      "devoured.",
  },
];

const FORM =
  "a JSON array of objects with name, url, text and, if known, sha256 with sizeBytes, language, maxErrorRate";

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}

/** What is wrong with a recording of a list. */
function problemOf(
  { name, url, text, sha256, sizeBytes, maxErrorRate }: Record<string, unknown>,
): string | undefined {
  if (!isText(name) || !/^[\w.-]+$/.test(name)) return "its name must be letters, digits, dots and dashes";
  if (!isText(url)) return "it has no url";
  if (!isText(text)) return "it has no text";
  if (sha256 !== undefined && !(isText(sha256) && /^[0-9a-f]{64}$/.test(sha256))) {
    return "its sha256 must be 64 hexadecimal digits";
  }
  if ((sha256 === undefined) !== (sizeBytes === undefined)) return "sha256 and sizeBytes go together";
  if (sizeBytes !== undefined && !(Number.isSafeInteger(sizeBytes) && Number(sizeBytes) > 0)) {
    return "its sizeBytes must be a whole number above 0";
  }
  if (maxErrorRate !== undefined && !(typeof maxErrorRate === "number" && maxErrorRate >= 0)) {
    return "its maxErrorRate must be a number from 0, 0.05 for 5 %";
  }
  return undefined;
}

function recordingOf(entry: unknown, refuse: (problem: string) => never): ProofRecording {
  if (typeof entry !== "object" || entry === null) return refuse("it is no object");
  const fields: Record<string, unknown> = { ...entry };
  const problem = problemOf(fields);
  if (problem !== undefined) return refuse(problem);
  const { name, url, text, language, sha256, sizeBytes, maxErrorRate } = fields;
  return {
    name: String(name),
    url: String(url),
    text: String(text),
    language: resolveLanguage(isText(language) ? language : "English"),
    ...(sha256 === undefined ? {} : { sha256: String(sha256), sizeBytes: Number(sizeBytes) }),
    ...(maxErrorRate === undefined ? {} : { maxErrorRate: Number(maxErrorRate) }),
  };
}

/**
 * A list of somebody's own recordings.
 *
 * @param text JSON.
 * @param place Where it is from, for messages.
 * @throws {OptionError} When it is no such list, with what is wrong of which recording.
 */
export function parseRecordings(text: string, place: string): ProofRecording[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw new OptionError(`Cannot use the recordings in ${place}: it is no JSON, expected ${FORM}`, {
      cause,
    });
  }
  if (!Array.isArray(list) || list.length === 0) {
    throw new OptionError(`Cannot use the recordings in ${place}: expected ${FORM}`);
  }
  const recordings = list.map((entry, index) =>
    recordingOf(entry, (problem) => {
      throw new OptionError(`Cannot use recording ${index + 1} of ${place}: ${problem}`);
    })
  );
  const names = recordings.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new OptionError(`Cannot use the recordings in ${place}: two are named ${twice}`);
  }
  return recordings;
}
