/** Lines of a stream that anybody may have a part in: one that is too long is passed over whole. */
import { StringDecoder } from "node:string_decoder";

const LINE_LENGTH_MAX = 64 * 1024;

export function splitEntries(line: (text: string) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let passing = false;
  return (chunk) => {
    const parts = (rest + decoder.write(chunk)).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      if (!passing && part.length <= LINE_LENGTH_MAX) line(part);
      passing = false;
    }
    if (rest.length <= LINE_LENGTH_MAX) return;
    rest = "";
    passing = true;
  };
}
