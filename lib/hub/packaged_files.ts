/**
 * Data files of this package: made by scripts/packaged_files.ts, held to the files by a test.
 *
 * @module
 */

/** Size and SHA-256 by path in the package. */
export const PACKAGED_FILES: Readonly<Record<string, { sizeBytes: number; sha256: string }>> = {
  "demo/aligner/chat_template.json": {
    sizeBytes: 711,
    sha256: "2aefb3105c73ffc979584e3b2b58fd03c270feed746e1676c769aee55add4d94",
  },
  "demo/aligner/config.json": {
    sizeBytes: 1837,
    sha256: "41c897d2ec6dd773ecac5c9a03428690a7ad99d17ef63c97dcbebab463322c43",
  },
  "demo/aligner/generation_config.json": {
    sizeBytes: 141,
    sha256: "ac4cd760e2bebdffd86820a69cae5b3fb23199816ce81cac7807ba2da47fd2dd",
  },
  "demo/aligner/merges.txt": {
    sizeBytes: 2041,
    sha256: "078094e997f294b2bdb991508af2b3abdd129c01ea83bd4168094d404d17d8a0",
  },
  "demo/aligner/model.safetensors": {
    sizeBytes: 5916634,
    sha256: "1f44ad3077c3fe2de24344c2724d781063aecbadbfb64cff2b73b35fc38c470b",
  },
  "demo/aligner/preprocessor_config.json": {
    sizeBytes: 344,
    sha256: "9bda8ba47771eded4389186f4f15b1a5468370a00fb1fd04b7a61afc7002a40c",
  },
  "demo/aligner/tokenizer_config.json": {
    sizeBytes: 1960,
    sha256: "586660f4aa3308e203017500171ff353a5645af1662b436655f8d1290bbd5572",
  },
  "demo/aligner/vocab.json": {
    sizeBytes: 5910,
    sha256: "f93c669fede2ea51adbfd87930510fa0292d9a9ea3c6ff29b65eb4266926e5f1",
  },
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
  "scripts/build_mlx_c.sh": {
    sizeBytes: 15026,
    sha256: "9faa8ecb7a57996edb8cd8d91d46851ac444ccbff69eccf5ac74cf0047ece0b7",
  },
  "scripts/cpu_kernels.sh": {
    sizeBytes: 12894,
    sha256: "a69cbae5dd988ac8e928da569d7c6fa8b4ec3f71108cd029f8d3277ec9adf774",
  },
  "scripts/lib.sh": {
    sizeBytes: 8110,
    sha256: "d285fc2e7b205c4f547a9eaace5163010b743eaf7df0277ecc8dfb390121136c",
  },
  "scripts/mlx-c-source.tar.gz": {
    sizeBytes: 38483,
    sha256: "f57be63da21eb59a388c3f865b52f02f136cda9e67ccf2efa6ab191411b7a39b",
  },
  "scripts/own_functions.sh": {
    sizeBytes: 16238,
    sha256: "76d5eb1244b0874e20f155af03d128f68a2bc83682927afe629cdcdd5163b00c",
  },
  "scripts/own_passes.sh": {
    sizeBytes: 14620,
    sha256: "0d03f7db1f87914b0bcf6c33080502989320d6067d0bbd581abe37b440ef6638",
  },
  "scripts/pass_kernels.sh": {
    sizeBytes: 6137,
    sha256: "abc5e7aab4ce797929d34f6c472e7b73e2ed3173ada1ee8fb2fe9551ebe040fa",
  },
  "scripts/processors.sh": {
    sizeBytes: 6597,
    sha256: "42467be9eee30ee2fac57efe77fdf79e422f0d2afb1c56891cf57ec442f88569",
  },
};
