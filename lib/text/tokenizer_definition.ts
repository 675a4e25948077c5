/**
 * What a model folder says about its tokenizer, as one definition: from tokenizer.json, or, where there is
 * none (the real repositories have none), from vocab.json, merges.txt and tokenizer_config.json. Spec 7.1.
 *
 * @module
 */
import { ModelError } from "../errors.ts";

/** Contents of the files of a model folder, as text; those that are absent are left out. */
export interface TokenizerFiles {
  tokenizerJson?: string | undefined;
  vocabJson?: string | undefined;
  mergesText?: string | undefined;
  tokenizerConfigJson?: string | undefined;
}

/** A token that is cut out of the text before anything else happens to it. */
export interface AddedToken {
  id: number;
  content: string;
  /** Left out when decoding. */
  special: boolean;
  single_word: boolean;
  lstrip: boolean;
  rstrip: boolean;
  normalized: boolean;
}

/**
 * Ends the language line of an answer, as in `language English<asr_text>Hello.` (spec 9.1). Never special, whatever a
 * file says: who reads the answer needs it.
 */
export const TEXT_TAG = "<asr_text>";

/** The parts of a tokenizer.json that a byte-level BPE needs. */
export interface TokenizerDefinition {
  model: { type: "BPE"; vocab: Record<string, number>; merges: string[] | [string, string][] };
  added_tokens: AddedToken[];
  normalizer: unknown;
  pre_tokenizer: unknown;
  decoder: unknown;
  post_processor: null;
}

const SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const BYTE_LEVEL = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false };

/** How Qwen2 and Qwen3 treat text between added tokens. */
const QWEN2_PIPELINE = {
  normalizer: { type: "NFC" },
  pre_tokenizer: {
    type: "Sequence",
    pretokenizers: [
      { type: "Split", pattern: { Regex: SPLIT }, behavior: "Isolated", invert: false },
      BYTE_LEVEL,
    ],
  },
  decoder: BYTE_LEVEL,
};

type Json = Record<string, unknown>;

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseObject(text: string, file: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelError(`${file} is not JSON (${reason}): copy the model folder again`);
  }
  if (!isRecord(value)) throw new ModelError(`${file} must hold a JSON object: copy the model folder again`);
  return value;
}

function isVocabulary(value: unknown): value is Record<string, number> {
  if (!isRecord(value)) return false;
  for (const token in value) {
    if (!Number.isSafeInteger(value[token])) return false;
  }
  return true;
}

function vocabulary(value: unknown, file: string): Record<string, number> {
  if (!isVocabulary(value)) {
    throw new ModelError(`${file} must map every token to an integer id: copy the model folder again`);
  }
  return value;
}

/** Lines of merges.txt. Only a version line is a comment: "# #" is a merge. */
function mergePairs(text: string): [string, string][] {
  const pairs: [string, string][] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "" || line.startsWith("#version")) continue;
    const space = line.indexOf(" ");
    if (space <= 0 || space === line.length - 1) {
      throw new ModelError(
        `merges.txt line ${index + 1} is not a pair of tokens: copy the model folder again`,
      );
    }
    pairs.push([line.slice(0, space), line.slice(space + 1)]);
  }
  return pairs;
}

function addedToken(id: number, entry: unknown, file: string): AddedToken {
  if (!isRecord(entry) || typeof entry.content !== "string" || !Number.isSafeInteger(id)) {
    throw new ModelError(
      `${file} lists an added token without an id or content: copy the model folder again`,
    );
  }
  const content = entry.content;
  return {
    id,
    content,
    // Some converters mark all added tokens special, which would drop the tag the output parser looks for.
    special: entry.special === true && content !== TEXT_TAG,
    single_word: entry.single_word === true,
    lstrip: entry.lstrip === true,
    rstrip: entry.rstrip === true,
    normalized: entry.normalized === true,
  };
}

/** `added_tokens_decoder` of tokenizer_config.json: id -> token. */
function configTokens(text: string | undefined): Map<string, AddedToken> {
  const file = "tokenizer_config.json";
  const tokens = new Map<string, AddedToken>();
  const entries = text === undefined ? undefined : parseObject(text, file).added_tokens_decoder;
  if (!isRecord(entries)) return tokens;
  for (const [id, entry] of Object.entries(entries)) {
    const token = addedToken(Number(id), entry, file);
    tokens.set(token.content, token);
  }
  return tokens;
}

function hasSplit(step: unknown): boolean {
  if (!isRecord(step)) return false;
  if (step.type === "Split") return true;
  return Array.isArray(step.pretokenizers) && step.pretokenizers.some(hasSplit);
}

function isMergeList(value: unknown): value is string[] | [string, string][] {
  if (!Array.isArray(value)) return false;
  return value.every((merge) => typeof merge === "string") ||
    value.every((merge) => Array.isArray(merge) && merge.length === 2);
}

function fromTokenizerJson(text: string, config: Map<string, AddedToken>): TokenizerDefinition {
  const file = "tokenizer.json";
  const json = parseObject(text, file);
  const model = json.model;
  if (!isRecord(model) || !isMergeList(model.merges)) {
    throw new ModelError(`${file} has no BPE model with merges: copy the model folder again`);
  }
  const added = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  const tokens = added.map((entry) => {
    const token = addedToken(isRecord(entry) ? Number(entry.id) : NaN, entry, file);
    return config.get(token.content)?.id === token.id ? { ...token, ...config.get(token.content) } : token;
  });
  // A file without the split was not made for this model: "\n" and " " would vanish from the prompt.
  const pipeline = hasSplit(json.pre_tokenizer) ? json : QWEN2_PIPELINE;
  return {
    model: { type: "BPE", vocab: vocabulary(model.vocab, file), merges: model.merges },
    added_tokens: tokens,
    normalizer: pipeline.normalizer ?? null,
    pre_tokenizer: pipeline.pre_tokenizer,
    decoder: QWEN2_PIPELINE.decoder,
    post_processor: null,
  };
}

/**
 * Reads the definition.
 *
 * @throws {ModelError} When a file is missing or damaged.
 */
export function tokenizerDefinition(files: TokenizerFiles): TokenizerDefinition {
  const config = configTokens(files.tokenizerConfigJson);
  if (files.tokenizerJson !== undefined) return fromTokenizerJson(files.tokenizerJson, config);
  const missing = [
    files.vocabJson === undefined ? "vocab.json" : "",
    files.mergesText === undefined ? "merges.txt" : "",
    config.size === 0 ? "tokenizer_config.json with added_tokens_decoder" : "",
  ].filter((name) => name !== "");
  if (files.vocabJson === undefined || files.mergesText === undefined || config.size === 0) {
    throw new ModelError(
      `The model folder has no tokenizer.json and lacks ${missing.join(", ")}: copy these files into it`,
    );
  }
  return {
    model: {
      type: "BPE",
      vocab: vocabulary(parseObject(files.vocabJson, "vocab.json"), "vocab.json"),
      merges: mergePairs(files.mergesText),
    },
    added_tokens: [...config.values()],
    ...QWEN2_PIPELINE,
    post_processor: null,
  };
}
