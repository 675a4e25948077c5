/**
 * A bitmap of palette indices.
 *
 * @module
 */

/** Pixels as indices into a palette, row by row from the top; starts filled with 0. */
export class Canvas {
  readonly pixels: Uint8Array;

  constructor(readonly width: number, readonly height: number) {
    this.pixels = new Uint8Array(width * height);
  }

  /** Sets one pixel; pixels outside the picture are ignored. */
  set(x: number, y: number, color: number): void {
    if (x >= 0 && y >= 0 && x < this.width && y < this.height) this.pixels[y * this.width + x] = color;
  }

  /** Fills a rectangle. */
  fill(x: number, y: number, width: number, height: number, color: number): void {
    for (let row = y; row < y + height; row++) {
      for (let column = x; column < x + width; column++) this.set(column, row, color);
    }
  }

  /** Draws an outline around a rectangle, one pixel outside it. */
  frame(x: number, y: number, width: number, height: number, color: number): void {
    this.fill(x - 1, y - 1, width + 2, 1, color);
    this.fill(x - 1, y + height, width + 2, 1, color);
    this.fill(x - 1, y, 1, height, color);
    this.fill(x + width, y, 1, height, color);
  }
}
