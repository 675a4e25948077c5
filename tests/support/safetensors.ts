/**
 * Reads .safetensors files without MLX, so that tests compare with numbers that MLX has not touched.
 *
 * @module
 */

/** The tensor's own type where JavaScript has one; BF16 and F16 become float32, BOOL becomes bytes. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

export interface Tensor {
  /** The file's name of the type: "F32", "BF16", "I64" ... */
  dtype: string;
  shape: number[];
  /** Row-major. */
  data: TensorData;
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

function widenBFloat16(bytes: ArrayBuffer): Float32Array {
  const bits = Uint32Array.from(new Uint16Array(bytes), (half) => half << 16);
  return new Float32Array(bits.buffer);
}

const READERS: Record<string, (bytes: ArrayBuffer) => TensorData> = {
  BF16: widenBFloat16,
  F16: (bytes) => Float32Array.from(new Float16Array(bytes)),
  F32: (bytes) => new Float32Array(bytes),
  F64: (bytes) => new Float64Array(bytes),
  I8: (bytes) => new Int8Array(bytes),
  U8: (bytes) => new Uint8Array(bytes),
  BOOL: (bytes) => new Uint8Array(bytes),
  I16: (bytes) => new Int16Array(bytes),
  U16: (bytes) => new Uint16Array(bytes),
  I32: (bytes) => new Int32Array(bytes),
  U32: (bytes) => new Uint32Array(bytes),
  I64: (bytes) => new BigInt64Array(bytes),
  U64: (bytes) => new BigUint64Array(bytes),
};

/** Parses a whole file: 8 bytes of header length, a JSON header, the tensors. */
export function parseSafetensors(file: Uint8Array): Map<string, Tensor> {
  const headerLength = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const start = 8 + headerLength;
  const header: Record<string, Entry> = JSON.parse(new TextDecoder().decode(file.subarray(8, start)));
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: [from, to] } = entry;
    const read = READERS[dtype];
    if (!read) throw new TypeError(`Tensor ${name} is ${dtype}, which this reader does not know`);
    const bytes = Uint8Array.from(file.subarray(start + from, start + to)).buffer;
    tensors.set(name, { dtype, shape, data: read(bytes) });
  }
  return tensors;
}

/** Every tensor of the file, by name, in the file's order. */
export async function readSafetensors(path: string): Promise<Map<string, Tensor>> {
  return parseSafetensors(await Deno.readFile(path));
}

/** One tensor as float32; throws when it is missing or has integers. */
export function floats(tensors: Map<string, Tensor>, name: string): Float32Array {
  const tensor = tensors.get(name);
  if (!(tensor?.data instanceof Float32Array)) {
    throw new TypeError(`No float tensor ${name} among ${[...tensors.keys()].join(", ")}`);
  }
  return tensor.data;
}

/** One tensor of any integer type as numbers. */
export function integers(tensors: Map<string, Tensor>, name: string): number[] {
  const tensor = tensors.get(name);
  if (!tensor || tensor.data instanceof Float32Array || tensor.data instanceof Float64Array) {
    throw new TypeError(`No integer tensor ${name} among ${[...tensors.keys()].join(", ")}`);
  }
  return Array.from(tensor.data as Iterable<number | bigint>, Number);
}
