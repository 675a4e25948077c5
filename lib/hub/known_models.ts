/**
 * Models we know by name, and the hashes of the files seen in public code (model specification, section 1).
 *
 * @module
 */

/** Short name of the model that comes with this package. */
export const DEMO_NAME = "demo";

/** Short name of the aligner that goes with all other models. */
export const ALIGNER_NAME = "aligner";

const SIZES = ["0.6B", "1.7B"] as const;
const VARIANTS = ["8bit", "6bit", "5bit", "4bit", "bf16"] as const;

function shortNames(): Record<string, string> {
  const names: Record<string, string> = {};
  const add = (short: string, base: string) => {
    names[short] = `mlx-community/${base}-8bit`;
    for (const variant of VARIANTS) names[`${short}-${variant}`] = `mlx-community/${base}-${variant}`;
  };
  for (const size of SIZES) add(size.toLowerCase(), `Qwen3-ASR-${size}`);
  add(ALIGNER_NAME, "Qwen3-ForcedAligner-0.6B");
  return names;
}

/** Short name -> repository: `0.6b` and `1.7b` are the 8-bit conversions, `0.6b-4bit`, `1.7b-bf16`, `aligner` ... */
export const SHORT_NAMES: Readonly<Record<string, string>> = shortNames();

/** Repositories looked for when no model is named, best first. */
export const PREFERRED_REPOSITORIES: readonly string[] = [
  ...new Set([
    "mlx-community/Qwen3-ASR-1.7B-8bit",
    "mlx-community/Qwen3-ASR-0.6B-8bit",
    "Qwen/Qwen3-ASR-1.7B",
    "Qwen/Qwen3-ASR-0.6B",
    ...SIZES.toReversed().flatMap((size) =>
      VARIANTS.map((variant) => `mlx-community/Qwen3-ASR-${size}-${variant}`)
    ),
    ...SIZES.toReversed().map((size) => `Qwen/Qwen3-ASR-${size}-hf`),
  ]),
];

/** Repositories that `aligner` may mean where no variant is named, best first. */
export const PREFERRED_ALIGNERS: readonly string[] = [
  ...new Set([
    "mlx-community/Qwen3-ForcedAligner-0.6B-8bit",
    "Qwen/Qwen3-ForcedAligner-0.6B",
    ...VARIANTS.map((variant) => `mlx-community/Qwen3-ForcedAligner-0.6B-${variant}`),
  ]),
];

/** A commit whose contents are known. */
export interface KnownRevision {
  /** `org/name`. */
  repository: string;
  /** 40 hexadecimal digits. */
  commit: string;
  /** File name -> SHA-256. */
  sha256: Readonly<Record<string, string>>;
}

/** The tokenizer's files are the same bytes in every Qwen3-ASR repository. */
const TOKENIZER_SHA256 = {
  "vocab.json": "ca10d7e9fb3ed18575dd1e277a2579c16d108e32f27439684afa0e10b1440910",
  "merges.txt": "8831e4f1a044471340f7c0a83d7bd71306a5b867e95fd870f74d0c5308a904d5",
  "tokenizer_config.json": "4942d005604266809309cabc9f4e9cb89ce855d59b14681fdc0e1cc62ea26c4c",
} as const;

/** Commits seen in public code. */
export const KNOWN_REVISIONS: readonly KnownRevision[] = [
  {
    repository: "Qwen/Qwen3-ASR-0.6B",
    commit: "5eb144179a02acc5e5ba31e748d22b0cf3e303b0",
    sha256: TOKENIZER_SHA256,
  },
  {
    repository: "Qwen/Qwen3-ASR-1.7B",
    commit: "7278e1e70fe206f11671096ffdd38061171dd6e5",
    sha256: TOKENIZER_SHA256,
  },
  {
    repository: "mlx-community/Qwen3-ASR-0.6B-8bit",
    commit: "89e96d92ba34aca20b3e29fb10cc284097d1219f",
    sha256: {
      ...TOKENIZER_SHA256,
      "model.safetensors": "b5bfe4abc1b4c6e58b633096682ec2b6297298add1527119936107d211adf0e8",
    },
  },
  {
    repository: "mlx-community/Qwen3-ASR-1.7B-8bit",
    commit: "a8379a2e2f9e313c9292cdf1af4055ab56d50d55",
    sha256: {
      ...TOKENIZER_SHA256,
      "model.safetensors": "bf304b009cc7eca79283056f787b44c952d24ac22cec787b39732bba3c23c13c",
    },
  },
  {
    repository: "mlx-community/Qwen3-ForcedAligner-0.6B-8bit",
    commit: "0e1a68e91d815300c7c9754b2a7639378b23db15",
    sha256: {},
  },
];

/** SHA-256 of `file` at this commit when it is known. */
export function knownSha256(repository: string, commit: string, file: string): string | undefined {
  const known = KNOWN_REVISIONS.find((entry) => entry.repository === repository && entry.commit === commit);
  return known?.sha256[file];
}
