/** `{id} is at {data.usedPercent} %`: a text with places of an event in it. `{{` stands for a brace. */
import { BomaError } from "@boma/protocol";

export type TemplatePart = string | { readonly path: string };

export function parseTemplate(text: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  const add = (part: string): void => {
    const last = parts.at(-1);
    if (typeof last === "string") parts[parts.length - 1] = last + part;
    else parts.push(part);
  };
  for (let at = 0; at < text.length;) {
    const open = text.indexOf("{", at);
    if (open < 0) return (add(text.slice(at)), parts);
    if (open > at) add(text.slice(at, open));
    if (text[open + 1] === "{") {
      add("{");
      at = open + 2;
      continue;
    }
    const [whole, path] = /^\{([A-Za-z0-9_.:-]{1,255})\}/.exec(text.slice(open, open + 260)) ?? [];
    if (whole === undefined || path === undefined)
      throw new BomaError("site/notifications", `a brace is not closed: ${text.slice(open, open + 40)}`, {
        hint: "A place of the event is written {data.status}; a brace itself {{.",
      });
    parts.push({ path });
    at = open + whole.length;
  }
  return parts;
}
