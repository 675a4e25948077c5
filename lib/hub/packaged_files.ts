/**
 * Data files of this package: made by scripts/packaged_files.ts, held to the files by a test.
 *
 * @module
 */

/** Size and SHA-256 by path in the package. */
export const PACKAGED_FILES: Readonly<Record<string, { sizeBytes: number; sha256: string }>> = {
  "demo/model/chat_template.json": {
    sizeBytes: 814,
    sha256: "dc447d3ee782117acb6f0afc60310e16e82c54c9b40b58997a327f6cedb9d8a8",
  },
  "demo/model/config.json": {
    sizeBytes: 2126,
    sha256: "6886639038a79cb6b46b014b46b6f645efe0c673a5bbe8b4c1f7ecfd9f5358bb",
  },
  "demo/model/generation_config.json": {
    sizeBytes: 125,
    sha256: "b7224eb642de1c179a2f9f8e0b259fdb978bf6d32cdcf0b34a1826176aa3364f",
  },
  "demo/model/merges.txt": {
    sizeBytes: 2904,
    sha256: "22494c6998d8379bf9beaa6b79df1ca6e7297606bb4446a849863a4ca8b90357",
  },
  "demo/model/model.safetensors": {
    sizeBytes: 6830675,
    sha256: "74678dcb414bad85b8659d030b5a679a214a3e9ca99051b4d635b28f98646af0",
  },
  "demo/model/preprocessor_config.json": {
    sizeBytes: 356,
    sha256: "da8aed25842f339d9f8e4902084f6cd27582cc433b2cd45e1cb3403affa367ce",
  },
  "demo/model/tokenizer_config.json": {
    sizeBytes: 2037,
    sha256: "775916b464e0e6c10773a6ad22c4d3e1dadc279430f17b29c1ee1a7b98b4b45a",
  },
  "demo/model/vocab.json": {
    sizeBytes: 7198,
    sha256: "301295b08373561e67107e9ee80eb39eccc1968b81f2daafcce879cba06f39da",
  },
  "lib/vad/weights/LICENSE": {
    sizeBytes: 1075,
    sha256: "2e63e9a38b6e8fc0c7bc37ce174caca1862870856c6daf5697cfb785e925520b",
  },
  "lib/vad/weights/silero_vad_16k.safetensors": {
    sizeBytes: 1239836,
    sha256: "75e89f7780a1820ef0356752faf232cb1e5dc0535a4c1e527a3742c68e7e3b2c",
  },
};
