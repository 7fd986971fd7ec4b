/** The traps of parts of files: lines and blocks. */
import { describe, expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { tryState } from "../../testing/try-state.ts";
import block from "./block.ts";
import line from "./line.ts";

const made = async (params: object, contents: string): Promise<string> =>
  (await tryState(line, "it", { path: "/a", ...params }, { files: { "/a": contents } })).read("/a");
const blocked = async (params: object, contents: string): Promise<string> =>
  (await tryState(block, "b", { path: "/a", ...params }, { files: { "/a": contents } })).read("/a");

describe("file.line", () => {
  test("a line that does not fit its own pattern would be added for ever, and is no parameter", () => {
    expect(() =>
      checkParams(line.spec as never, { name: "n", path: "/a", line: "b = 1", match: "a = .*" }),
    ).toThrow(/does not fit `match`/);
  });
  test("a pattern fits the whole line, not a part of it", async () => {
    expect(await made({ line: "port 1", match: "port \\d+" }, "# port 9\nport 22 # ssh\n")).toBe(
      "# port 9\nport 22 # ssh\nport 1\n",
    );
  });
  test("of a choice each side fits the whole line", async () => {
    expect(await made({ line: "a", match: "a|b" }, "ax\nb\n")).toBe("ax\na\n");
  });
  test("more than one line that fits is an error, unless all are meant", async () => {
    await expect(made({ line: "a 1", match: "a .*" }, "a 2\na 3\n")).rejects.toMatchObject({
      code: "state/refused",
    });
    expect(await made({ line: "a 1", match: "a .*", all: true }, "a 2\nb\na 3\n")).toBe("a 1\nb\na 1\n");
  });
  test("signs that mean something in a replacement are only signs", async () => {
    expect(await made({ line: "a $& \\1 $1", match: "a .*" }, "a 2\n")).toBe("a $& \\1 $1\n");
  });
  test("a file without a last newline gets one, and lines keep their own ends", async () => {
    expect(await made({ line: "b" }, "a")).toBe("a\nb\n");
    expect(await made({ line: "b" }, "a\r\nc\r\n")).toBe("a\r\nc\r\nb\r\n");
  });
  test("it goes after the last or before the first line that fits", async () => {
    expect(await made({ line: "new", where: { after: "x.*" } }, "x1\nx2\ny\n")).toBe("x1\nx2\nnew\ny\n");
    expect(await made({ line: "new", where: { before: "x.*" } }, "y\nx1\nx2\n")).toBe("y\nnew\nx1\nx2\n");
    expect(await made({ line: "new", where: "start" }, "y\n")).toBe("new\ny\n");
    await expect(made({ line: "new", where: { after: "z" } }, "y\n")).rejects.toThrow(/no place/);
  });
  test("a file that is not there is made only when it is said", async () => {
    await expect(tryState(line, "it", { path: "/a", line: "b" })).rejects.toMatchObject({
      code: "state/file-missing",
    });
  });
  test("what is no text is not edited, for it would not come back", async () => {
    const files = { "/a": { contents: Uint8Array.of(0xe9, 0x0a) } };
    await expect(tryState(line, "it", { path: "/a", line: "b" }, { files })).rejects.toThrow(
      /not text in UTF-8/,
    );
  });
  test("a pattern that would take for ever elsewhere ends", async () => {
    expect(await made({ line: "aaa", match: "(a+)+" }, `${"a".repeat(5000)}b\n`)).toBe(
      `${"a".repeat(5000)}b\naaa\n`,
    );
  });
});

describe("file.block", () => {
  test("its marks are whole lines: one block's name may begin another's", async () => {
    const other = "# begin boma b2\nx\n# end boma b2\n# see # begin boma b\n";
    expect(await blocked({ contents: "new" }, other)).toBe(`${other}# begin boma b\nnew\n# end boma b\n`);
  });
  test.each([
    ["no end", "# begin boma b\nx\ny\n"],
    ["no beginning", "x\n# end boma b\n"],
    ["two beginnings", "# begin boma b\n# begin boma b\n# end boma b\n"],
    ["an end before the beginning", "# end boma b\n# begin boma b\n"],
  ])("with %s nothing is touched", async (_title, contents) => {
    await expect(blocked({ contents: "new" }, contents)).rejects.toMatchObject({ code: "state/refused" });
  });
  test("no blank line is added or lost, run after run", async () => {
    const once = await blocked({ contents: "a\n\nb\n" }, "x\n\n");
    expect(once).toBe("x\n\n# begin boma b\na\n\nb\n# end boma b\n");
    expect(await blocked({ contents: "c" }, once)).toBe("x\n\n# begin boma b\nc\n# end boma b\n");
    expect(await blocked({ present: false }, once)).toBe("x\n\n");
  });
  test("a content without its last newline is the same content", async () => {
    const { changes } = await tryState(
      block,
      "b",
      { path: "/a", contents: "x" },
      { files: { "/a": "# begin boma b\nx\n# end boma b\n" } },
    );
    expect(changes).toEqual({});
  });
  test("a content that holds its own mark is no parameter", () => {
    expect(() =>
      checkParams(block.spec as never, { id: "b", path: "/a", contents: "x\n# end boma b\ny" }),
    ).toThrow(/marks the block itself/);
  });
});
