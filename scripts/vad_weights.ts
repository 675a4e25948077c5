/**
 * Writes lib/vad/weights/silero_vad_16k.safetensors from the official ONNX file.
 *
 *   deno run -A scripts/vad_weights.ts silero_vad_16k_op15.onnx
 *
 * That file is in the Python package silero-vad 6.2.3 (MIT), under silero_vad/data. The safetensors beside it there is of
 * another training: probabilities differ by up to 0.95.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { FRONT_SHAPES } from "../lib/vad/front.ts";
import { RECURRENCE_SHAPES } from "../lib/vad/recurrence.ts";

const TARGET = fromFileUrl(new URL("../lib/vad/weights/silero_vad_16k.safetensors", import.meta.url));

/** Names in the ONNX file. */
const SOURCES: [pattern: RegExp, name: string][] = [
  [/^stft_conv\.weight$/, "model.stft.forward_basis_buffer"],
  [/^conv(\d)\.(\w+)$/, "model.encoder.$1.reparam_conv.$2"],
  [/^lstm_cell\.(\w+)$/, "model.decoder.rnn.$1"],
  [/^final_conv\.(\w+)$/, "model.decoder.decoder.2.$1"],
];

/** A field of a protobuf message: a number, or the bytes of what is nested. */
type Field = [number: number, value: number | Uint8Array];

function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1;; factor *= 128) {
      const byte = message[at++]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint(), kind = key & 7, number = Math.floor(key / 8);
    if (kind === 0) yield [number, varint()];
    else if (kind === 2) {
      const length = varint();
      yield [number, message.subarray(at, at += length)];
    } else if (kind === 5 || kind === 1) at += kind === 5 ? 4 : 8;
    else throw new Error(`Cannot read the ONNX file: wire type ${kind} at byte ${at}.`);
  }
}

function bytesOf(message: Uint8Array, number: number): Uint8Array[] {
  return [...fieldsOf(message)].flatMap(([n, value]) =>
    n === number && value instanceof Uint8Array ? [value] : []
  );
}

/** Raw data of the initializers by name (ModelProto.graph = 7, .initializer = 5, TensorProto.name = 8, .raw_data = 9). */
function initializers(onnx: Uint8Array): Map<string, Uint8Array> {
  const tensors = bytesOf(onnx, 7).flatMap((graph) => bytesOf(graph, 5));
  return new Map(
    tensors.map((tensor) => [new TextDecoder().decode(bytesOf(tensor, 8)[0]), bytesOf(tensor, 9)[0]!]),
  );
}

function sourceOf(name: string): string {
  const [pattern, source] = SOURCES.find(([pattern]) => pattern.test(name))!;
  return name.replace(pattern, source).replace(/encoder\.(\d)/, (_, n) => `encoder.${n - 1}`);
}

if (import.meta.main) {
  const found = initializers(await Deno.readFile(Deno.args[0]!));
  const header: Record<string, unknown> = {
    __metadata__: { source: "silero-vad 6.2.3, silero_vad_16k_op15.onnx", license: "MIT" },
  };
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  for (const [name, shape] of Object.entries({ ...FRONT_SHAPES, ...RECURRENCE_SHAPES })) {
    const data = found.get(sourceOf(name));
    const length = 4 * shape.reduce((product, size) => product * size, 1);
    if (data?.length !== length) {
      throw new Error(`${sourceOf(name)} has ${data?.length} bytes, expected ${length}.`);
    }
    header[name] = { dtype: "F32", shape, data_offsets: [at, at += length] };
    parts.push(Uint8Array.from(data));
  }
  const text = JSON.stringify(header);
  const json = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const size = new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer);
  await Deno.writeFile(TARGET, await new Blob([size, json, ...parts]).bytes());
}
