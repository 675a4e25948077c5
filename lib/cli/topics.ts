/**
 * What `help TOPIC` says.
 *
 * @module
 */

/** Text by topic. */
export const TOPICS: Readonly<Record<string, string>> = {
  input: `What can be transcribed
  talk.m4a            a file: WAV is read here, the rest by ffmpeg, afconvert
  "calls/**/*.mp3"    a pattern in quotes: * ? [abc] {a,b}, ** for any folders
  interviews          a folder's recordings; --recursive takes its folders too
  https://host/a.wav  an address
  -                   standard input: ffmpeg -i film.mkv -f wav - | qwen3-asr -
  --watch DIR         what is in a folder and what arrives, until Ctrl-C. A
                      recording is taken when it has not changed for a second.
                      Ctrl-C while nothing is transcribed exits with 0.
  live                the microphone, or - while it is spoken: help live
All are transcribed with one loading of the model, in the given order. One bad
recording does not stop the rest: the exit code and the last lines tell.
A model's folder may stand in front of the recordings: MODEL_DIR a.wav.
--range 1:00-2:30 takes a part; times are those of the whole recording.
What is no speech (music, wind, applause) is skipped from a second on, and a
long and loud stretch is told: --vad off hears it all, songs too.
--track 2 or --track German takes another of several audio tracks.
--raw s16le:16000 reads samples without a header: rate, then channels (:2).
`,
  output: `Where transcripts go
  Without --output-dir and --output-template they are printed to standard
  output, one after the other; everything else goes to standard error.
  -o DIR                  DIR/{parent}/{stem}.{format}; {parent} is the folder
                          below the one you named
  --output-template PATH  {parent}/{stem}.{format}; also {ext}, the recording's
                          ending. Alone it puts files beside the recordings
  -f txt,srt              several formats at once
  --resume                skips what DIR/.qwen3-asr.jsonl lists as done with
                          the same options, goes on where one was interrupted
Files appear whole or not at all. After Ctrl-C the text so far is in
{stem}.partial.{format}: never mistaken for a finished one, and removed when
that is there. json says "partial": true; txt, vtt and ass say it in the text.
Formats: txt, json (everything), jsonl (a line a segment), srt, vtt, tsv, csv,
ass, lrc. With --timestamps word json and jsonl have words with their times,
tsv and csv a row for each.
--json-stats: a line of JSON a recording, times and memory, on standard error.
`,
  subtitles: `Subtitles (srt, vtt, ass, lrc)
  --line-width N      widest line in columns, CJK characters count two (42)
  --max-lines N       most lines of a cue (2)
  --reading-speed N   columns a viewer reads a second (21)
  --timestamps word   times by an aligner, as exact as they get
  --highlight-words   the word being said is marked (implies --timestamps word)
  --aligner NAME      demo, aligner, org/name, a folder; none: approximate times
                      Left out: the one that goes with the model, if it is here
Cues last 0.7 to 7 s and break at punctuation where they can. Without words
times of segments come from the pauses and the length of the text; vtt and json
say that they are estimated. Aligners know eleven languages; for the others,
and without one, times of words are approximate, and a warning says so.
`,
  models: `Models
  0.6b  1.7b            8-bit: 1.7b hears better, 0.6b is smaller and faster
  0.6b-4bit, -5bit, -6bit, -bf16, and the same for 1.7b
  org/name[@revision]   Qwen/Qwen3-ASR-0.6B, mlx-community/..., yours
  ./folder              with config.json, *.safetensors, the tokenizer's files
  demo                  comes with this program: a few hundred words of English
                        and German, to try things out
Without --model: QWEN3_ASR_MODEL, QWEN3_ASR_MODEL_PATH, then
~/.OminiX/models/qwen3-asr-1.7b, then the best one in the Hugging Face cache.
A named model that is not there is downloaded after a question (--yes: without
one; no terminal: with a notice; --offline: not at all).
  models list | download NAME | path NAME | remove NAME | verify NAME
HF_HOME, HF_HUB_CACHE, HF_ENDPOINT (a mirror), HF_TOKEN and HF_HUB_OFFLINE mean
what they mean to Python's tools, and the cache is theirs too.
`,
  environment: `Environment
Every option has a variable: QWEN3_ASR_ and its name in capitals, as in
  QWEN3_ASR_MODEL=0.6b  QWEN3_ASR_LANGUAGE=German  QWEN3_ASR_OUTPUT_DIR=texts
Switches take 1 or 0: QWEN3_ASR_RESUME=1. A flag goes before its variable, that
before the default; --no-resume (any switch) undoes a variable.
Also: QWEN3_ASR_MLX_C (path of libmlxc), QWEN3_ASR_MODEL_PATH (folder or name),
NO_COLOR, HF_* (see: help models).
`,
  exit: `Exit codes
  0    everything was transcribed, or was done before; live: also Ctrl-C
  1    something failed: a recording, the model, the library
  2    wrong usage: nothing was begun
  130  Ctrl-C: what there was is written and marked; a second one ends at once
  143  asked to terminate: as above
  141  nobody reads the output any more
`,
};
