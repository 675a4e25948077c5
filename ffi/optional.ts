/**
 * mlx-c's optional numbers: 8 bytes in one integer register, the value low, `has_value` in byte 4. 0 is none.
 *
 * @module
 */
const PRESENT = 1n << 32n;
const INTS = Array.from({ length: 257 }, (_, value) => BigInt(value) | PRESENT);
const bits = new DataView(new ArrayBuffer(4));

/** `mlx_optional_int` and `mlx_optional_dtype`. */
export function optionalInt(value: number): bigint {
  return INTS[value] ?? BigInt.asUintN(32, BigInt(value)) | PRESENT;
}

/** `mlx_optional_float`. */
export function optionalFloat(value: number): bigint {
  bits.setFloat32(0, value, true);
  return BigInt(bits.getUint32(0, true)) | PRESENT;
}
