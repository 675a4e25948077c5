/** Text around the network: the tokenizer. */
import { Tokenizer } from "../lib/text/tokenizer.ts";
import { realTokenizerFiles } from "../tests/support/real_vocabulary.ts";

const files = realTokenizerFiles();
const tokenizer = await Tokenizer.fromFiles({
  vocabJson: files.vocabJson,
  mergesText: files.mergesText,
  tokenizerConfigJson: files.tokenizerConfigJson,
});
const text = "The quick brown fox jumps over the lazy dog; Zwölf Boxkämpfer jagen Viktor. ".repeat(10);
const ids = tokenizer.encode(text);

Deno.bench(`decode ${ids.length} tokens, real vocabulary`, { group: "tokenizer" }, () => {
  tokenizer.decode(ids);
});

Deno.bench("encode the same, real vocabulary", { group: "tokenizer" }, () => {
  tokenizer.encode(text);
});
