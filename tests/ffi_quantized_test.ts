import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import * as mx from "../ffi/mod.ts";
import * as quantized from "../ffi/quantized.ts";
import { assertNear, at, ffiTest, type Plain, plain, toMLX, wave } from "./support/ffi_reference.ts";

const ROWS = 3;

/** The small integers of each row: `bits` at a time from a little-endian stream of bits. */
function unpack(words: Uint32Array, bits: number, columns: number): Plain {
  const perRow = words.length / ROWS;
  return plain([ROWS, columns], ([row, column]) => {
    let value = 0;
    for (let bit = 0; bit < bits; bit++) {
      const place = column! * bits + bit;
      const word = words[row! * perRow + (place >> 5)]!;
      value |= ((word >>> (place & 31)) & 1) << bit;
    }
    return value;
  });
}

function numbers(array: mx.MLXArray): Plain {
  return { shape: array.shape, data: [...mx.toFloat32(array)] };
}

/** What packed weights stand for: scale * integer + offset of the group. */
function meaning(packed: quantized.PackedWeight, columns: number): Plain {
  const integers = unpack(mx.toUint32(packed.weight), packed.bits, columns);
  const scales = numbers(packed.scales), biases = numbers(packed.biases!);
  return plain([ROWS, columns], ([row, column]) => {
    const group = [row!, Math.floor(column! / packed.groupSize)];
    return at(scales, group) * at(integers, [row!, column!]) + at(biases, group);
  });
}

for (const bits of [2, 3, 4, 5, 6, 8]) {
  for (const groupSize of [32, 64, 128]) {
    ffiTest(
      `quantize() and dequantize() agree with the bits of affine ${bits}, groups of ${groupSize}`,
      () => {
        const columns = 2 * groupSize;
        const weight = wave([ROWS, columns]);
        const packed = quantized.quantize(toMLX(weight), { bits, groupSize, mode: "affine" });
        assertEquals(packed.weight.dtype, "uint32");
        assertEquals(packed.weight.shape, [ROWS, columns * bits / 32]);
        assertEquals([packed.scales.shape, packed.biases?.shape], [[ROWS, 2], [ROWS, 2]]);
        const stoodFor = meaning(packed, columns);
        assertNear(quantized.dequantize(packed), stoodFor, 1e-6);
        const scales = numbers(packed.scales);
        stoodFor.data.forEach((value, i) => {
          const step = Math.abs(at(scales, [Math.floor(i / columns), Math.floor(i % columns / groupSize)]));
          assertLessOrEqual(Math.abs(value - weight.data[i]!), step, `element ${i}`);
        });
      },
    );
  }
}

ffiTest("quantizedMatmul() is x times what the packed rows stand for", () => {
  const columns = 128, x = wave([2, 5, columns], 3);
  for (const bits of [4, 5, 6, 8]) {
    const packed = quantized.quantize(toMLX(wave([ROWS, columns])), { bits, groupSize: 64, mode: "affine" });
    const weight = meaning(packed, columns);
    const expected = plain([2, 5, ROWS], ([i, j, row]) => {
      let total = 0;
      for (let k = 0; k < columns; k++) total += at(x, [i!, j!, k]) * at(weight, [row!, k]);
      return total;
    });
    assertNear(quantized.quantizedMatmul(toMLX(x), packed), expected, 1e-4, `${bits} bits`);
  }
});

ffiTest("dequantize() gives the type of the scales or the one asked for", () => {
  const source = toMLX(wave([ROWS, 64]), "bfloat16");
  const packed = quantized.quantize(source, { bits: 8, groupSize: 64, mode: "affine" });
  assertEquals(quantized.dequantize(packed).dtype, "bfloat16");
  assertEquals(quantized.dequantize(packed, "float32").dtype, "float32");
});

ffiTest("quantize() knows a scheme without offsets", () => {
  const MXFP4 = [0, 0.5, 1, 1.5, 2, 3, 4, 6]; // OCP Microscaling v1.0, E2M1; the eighth of bits is the sign.
  const weight = wave([ROWS, 64]);
  const packed = quantized.quantize(toMLX(weight), { bits: 4, groupSize: 32, mode: "mxfp4" });
  assertEquals(packed.biases, undefined);
  const integers = unpack(mx.toUint32(packed.weight), 4, 64);
  const exponents = numbers(packed.scales);
  const expected = plain([ROWS, 64], ([row, column]) => {
    const code = at(integers, [row!, column!]);
    const scale = 2 ** (at(exponents, [row!, Math.floor(column! / 32)]) - 127);
    return (code & 8 ? -1 : 1) * MXFP4[code & 7]! * scale;
  });
  assertNear(quantized.dequantize(packed, "float32"), expected, 0);
  assert(expected.data.some((value, i) => Math.abs(value - weight.data[i]!) < 0.02));
});

ffiTest("quantize() refuses what MLX does not have", () => {
  const weight = toMLX(wave([ROWS, 64]));
  for (
    const quantization of [
      { bits: 7, groupSize: 64, mode: "affine" },
      { bits: 8, groupSize: 48, mode: "affine" },
      { bits: 8, groupSize: 1000, mode: "affine" },
      { bits: 8, groupSize: 64, mode: "unheard of" },
    ]
  ) {
    assertThrows(() => quantized.quantize(weight, quantization), mx.MLXError, "mlx_quantize");
  }
});

Deno.test("every operation of quantized.ts is compared with its bits here", () => {
  assertEquals(Object.keys(quantized).sort(), ["dequantize", "quantize", "quantizedMatmul"]);
});
