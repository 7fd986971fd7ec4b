/** Bytes of a stream as lines: whole characters only, a carriage return counts as a new line of progress. */
import { StringDecoder } from "node:string_decoder";

import { LINE_BYTES_MAX } from "@boma/protocol";

export interface LineSplitter {
  add(chunk: Buffer): void;
  end(): void;
}

export function splitLines(line: (text: string) => void): LineSplitter {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const take = (text: string): void => {
    rest += text;
    // A return at the very end may be the first half of \r\n: it waits for the next chunk.
    const parts = rest.split(/\r\n|\n|\r(?!$)/);
    rest = parts.pop() ?? "";
    for (const part of parts) line(part);
    // A line without an end must not grow without one.
    while (rest.length > LINE_BYTES_MAX) {
      line(rest.slice(0, LINE_BYTES_MAX));
      rest = rest.slice(LINE_BYTES_MAX);
    }
  };
  return {
    add: (chunk) => take(decoder.write(chunk)),
    end() {
      take(decoder.end());
      const last = rest.replace(/\r$/, "");
      if (last !== "") line(last);
      rest = "";
    },
  };
}
