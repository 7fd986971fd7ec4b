import { describe, expect, test } from "vitest";

import { readOptionWords, valuesOf, withOption, withValues, writeOptionWords } from "./option-words.ts";

const FILE = `# Further options.
#BOMA_MASTER_OPTIONS="--listen 0.0.0.0:4222 --name boma.example.org"
BOMA_MASTER_OPTIONS="--audit-keep 30d  --listen 127.0.0.1:4222"
OTHER=1
`;

describe("the words of a variable", () => {
  test("are those of its last assignment, and a comment is none", () => {
    expect(readOptionWords(FILE, "BOMA_MASTER_OPTIONS")).toEqual([
      "--audit-keep",
      "30d",
      "--listen",
      "127.0.0.1:4222",
    ]);
    expect(readOptionWords(`${FILE}BOMA_MASTER_OPTIONS='--json'\n`, "BOMA_MASTER_OPTIONS")).toEqual([
      "--json",
    ]);
    expect(readOptionWords("", "BOMA_MASTER_OPTIONS")).toEqual([]);
  });

  test("that systemd would read in a way of its own are refused, read or written", () => {
    for (const value of ['"--site /my\\ site"', '"$HOME/site"', "a'b"])
      expect(() => readOptionWords(`V=${value}\n`, "V")).toThrow(/not a plain word/);
    for (const word of ["two words", 'quo"te', "$HOME", "back\\slash", "line\nbreak"])
      expect(() => writeOptionWords("", "V", [word])).toThrow(/not a plain word/);
  });

  test("are written where they stood, and every other line stays", () => {
    const text = writeOptionWords(FILE, "BOMA_MASTER_OPTIONS", ["--listen", "[::]:4222"]);
    expect(text).toBe(FILE.replace(/^BOMA.*$/m, 'BOMA_MASTER_OPTIONS="--listen [::]:4222"'));
    expect(writeOptionWords("A=1", "V", ["--x"])).toBe('A=1\nV="--x"\n');
    expect(writeOptionWords("", "V", ["--x"])).toBe('V="--x"\n');
  });
});

describe("an option among words", () => {
  test("is found in both of its spellings", () => {
    expect(valuesOf(["--name", "a", "--name=b", "--names", "c"], "--name")).toEqual(["a", "b"]);
  });

  test("is set once, whatever it was, and others stay in their order", () => {
    const words = ["--listen", "a:1", "--name", "n", "--listen=b:2"];
    expect(withOption(words, "--listen", "c:3")).toEqual(["--name", "n", "--listen", "c:3"]);
  });

  test("that may be repeated is only given what it lacks", () => {
    expect(withValues(["--name", "a"], "--name", ["a", "b"])).toEqual(["--name", "a", "--name", "b"]);
  });
});
