import { assert, assertEquals } from "@std/assert";
import { jupyterDisplay } from "../lib/plot/mod.ts";
import { coloredText } from "../notebooks/colored_text.ts";

/** A page that strips styles and titles, as GitHub does. */
const stripped = (html: string) => html.replace(/ (?:style|title|dir)="[^"]*"/g, "");

Deno.test("coloredText() says by tags alone what is doubtful", async () => {
  const text = coloredText([
    { text: "Good", probability: 0.99 },
    { text: " morning", probability: 0.8 },
    { text: ' <b>"&', probability: 0.4321 },
    { text: "\n今天", probability: NaN },
  ], { title: "A & B", hasLegend: false });
  const html = "<p><b>A &amp; B</b><br>Good <mark>morning</mark> " +
    "<mark><b>&lt;b&gt;&quot;&amp;</b></mark><sub>0.432</sub>\n今天</p>";
  assertEquals(stripped(text.toHTML()), html);
  const bundle = await text[jupyterDisplay]();
  assertEquals(bundle, {
    "text/html": text.toHTML(),
    "text/plain": 'A & B: Good morning <b>"&[0.432]\n今天',
  });
  assert(coloredText([{ text: "x", probability: 1 }]).toHTML().includes("probability"), "a legend");
});

Deno.test("coloredText() gets redder and stronger with doubt, and lets the page through", () => {
  const tokens = Array.from({ length: 101 }, (_, k) => ({ text: "x", probability: k / 100 }));
  const html = coloredText(tokens, { hasLegend: false }).toHTML();
  const backgrounds = Array.from(
    html.matchAll(/rgba\(([^)]+)\)/g),
    ([, parts = ""]) => parts.split(",").map(Number),
  );
  assertEquals(backgrounds.length, 95);
  const strengths = backgrounds.map(([, , , alpha = 0]) => alpha);
  assertEquals(strengths, strengths.toSorted((a, b) => b - a));
  assertEquals(strengths[0], 0.5);
  for (const [red = 0, green = 0, blue = 0, alpha = 0] of backgrounds) {
    const over = (page: number) => [red, green, blue].map((channel) => channel * alpha + page * (1 - alpha));
    assert(contrast(over(255), [33, 33, 33]) >= 4.5);
    assert(contrast(over(17), [255, 255, 255]) >= 4.5);
  }
});

/** Relative luminance and contrast, WCAG 2.2. */
function contrast(a: number[], b: number[]): number {
  const luminance = (color: number[]) => {
    const [red = 0, green = 0, blue = 0] = color.map((channel) => {
      const part = channel / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}
