/**
 * Marks inside the plot of a figure.
 *
 * @module
 */
import type { Frame, Panel } from "./panel.ts";
import { LINE_MARK_COLOR, SPAN_MARK_COLOR } from "./marks.ts";
import { escapeMarkup, tag } from "./svg.ts";

/** Pixels of a row of labels above the plot. */
export const LABEL_LINE = 14;

/** The marks as SVG, their labels as tooltips. */
export function drawMarks({ marks, isDark }: Panel, { x, width, height }: Frame): string[] {
  return marks.flatMap((mark) => {
    const tip = mark.label ? [tag("title", {}, escapeMarkup(mark.label))] : [];
    if ("at" in mark) {
      const at = x(mark.at);
      const color = mark.color ?? (isDark ? "#ffffff" : LINE_MARK_COLOR);
      const line = { x1: at, x2: at, y1: 0, y2: height, "stroke-width": 1.5 };
      const under = isDark && !mark.color ? [tag("line", { ...line, stroke: "#000000" })] : [];
      return [...under, tag("line", { ...line, stroke: color, "stroke-dasharray": "5 4" }, ...tip)];
    }
    const from = Math.max(-2, x(mark.from));
    const to = Math.min(width + 2, x(mark.to));
    if (to <= from) return [];
    const box = { x: from, y: 0, width: to - from, height };
    if (isDark) {
      const outline = { ...box, fill: "none", "stroke-width": 1.5 };
      const dashes = tag(
        "rect",
        { ...outline, stroke: mark.color ?? "#ffffff", "stroke-dasharray": "5 4" },
        ...tip,
      );
      return mark.color ? [dashes] : [tag("rect", { ...outline, stroke: "#000000" }), dashes];
    }
    const color = mark.color ?? SPAN_MARK_COLOR;
    return [
      tag(
        "rect",
        { ...box, fill: color, "fill-opacity": 0.13, stroke: color, "stroke-opacity": 0.5 },
        ...tip,
      ),
    ];
  });
}
