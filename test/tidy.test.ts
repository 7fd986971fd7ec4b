/**
 * The rules of the house that no tool knows. Each reads the files as text and
 * lists every place that breaks it, with the remedy where it is not plain.
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { codes } from "@boma/protocol";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const FOLDERS = "{packages,test,scripts,bench,installers,examples,docs,.ci}";

const filesOf = (...patterns: string[]): string[] =>
  globSync(patterns, { cwd: root, exclude: (path) => /(^|\/)node_modules$/.test(path) }).toSorted();
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");

const sources = filesOf(`${FOLDERS}/**/*.{ts,mjs}`, "*.ts");
const written = sources.filter((file) => !file.endsWith(".gen.ts"));
const packages = filesOf("packages/*/package.json").map((file) => dirname(file));
const pages = filesOf("*.md", "docs/**/*.md", "packages/*/*.md", "examples/**/*.md");

interface Place {
  readonly file: string;
  readonly line: number;
  readonly found: string;
}

/** Where a pattern stands in the files, line by line. */
const places = (files: readonly string[], pattern: RegExp): Place[] =>
  files.flatMap((file) =>
    textOf(file)
      .split("\n")
      .flatMap((text, at) => [...text.matchAll(pattern)].map(([found]) => ({ file, line: at + 1, found }))),
  );

test("the files are looked at where they are", () => {
  expect(packages).toEqual(["packages/agent", "packages/master", "packages/protocol", "packages/states"]);
  expect(sources).toContain("packages/protocol/src/envelope.ts");
  expect(sources).toContain("test/tidy.test.ts");
  expect(sources.filter((file) => file.includes("node_modules"))).toEqual([]);
});

test("the tests run on the Node that boma runs on, 26 or later", () => {
  expect(Number(process.versions.node.split(".")[0])).toBeGreaterThanOrEqual(26);
});

test("no file has more than 400 lines: cut it where its subject changes", () => {
  const byHand = pages.filter((page) => !textOf(page).startsWith("<!-- Written by `npm run gen`"));
  const long = [...written, ...byHand]
    .map((file) => ({ file, lines: textOf(file).split("\n").length - 1 }))
    .filter(({ lines }) => lines > 400);
  expect(long).toEqual([]);
});

test("what is generated is fresh: run `npm run gen`", () => {
  const { stderr, status } = spawnSync(process.execPath, ["scripts/gen.ts", "--check"], {
    cwd: root,
    encoding: "utf8",
  });
  expect({ stale: stderr.split("\n").filter((line) => line.includes("is stale")), status }).toEqual({
    stale: [],
    status: 0,
  });
});

describe("error codes", () => {
  const all = Object.keys(codes);
  const code = filesOf("packages/*/src/**/*.ts")
    .filter((file) => !file.endsWith(".test.ts") && !file.startsWith("packages/protocol/src/error-codes"))
    .map(textOf)
    .join("\n");

  test("each is raised or asked for somewhere: one that nobody uses is struck from the table", () => {
    expect(all.filter((name) => !code.includes(`"${name}"`))).toEqual([]);
  });

  test("each has its row in docs/errors.md, with its exit code, and the page has no other", () => {
    const rows = [...textOf("docs/errors.md").matchAll(/^\| `([^`]+)` \| (\d) \|/gm)];
    expect(rows.map(([, name, exit]) => [name, Number(exit)])).toEqual(
      Object.entries(codes).map(([name, { exit }]) => [name, exit]),
    );
  });

  test("each says what it means and what to do, in whole sentences", () => {
    const unfit = Object.entries(codes).filter(
      ([name, { means, hint }]) =>
        !/^[a-z]+(\/[a-z-]+)?$/.test(name) || !/^[A-Z].*\.$/s.test(means) || !/[.?]$/.test(hint),
    );
    expect(unfit).toEqual([]);
  });
});

test("nothing is left to be done later: do it, or make an issue of it", () => {
  expect(
    places(
      [...sources, ...pages],
      new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`, "g"),
    ),
  ).toEqual([]);
});

test("no test is skipped, alone, or still to be written", () => {
  const tests = sources.filter((file) => file.endsWith(".test.ts"));
  const pattern = /\b(?:test|it|describe|suite)(?:\.\w+)*\.(?:skip|only|todo|skipIf|runIf|fails)\b/g;
  expect(places(tests, pattern)).toEqual([]);
});

describe("packages", () => {
  /** Everything that a file imports, exports from, or asks for while it runs. */
  const imports = sources.flatMap((file) =>
    [
      ...textOf(file).matchAll(/^(?:import|export|\} from)\b[^"\n]*"([^"\n]+)"|\bimport\(\s*"([^"\n]+)"/gm),
    ].map(([, still, running]) => ({ file, from: still ?? running! })),
  );
  const packageOf = (path: string): string | undefined => /^packages\/[^/]+/.exec(path)?.[0];

  test("the imports are found, of one line and of several", () => {
    expect(imports).toContainEqual({ file: "test/tidy.test.ts", from: "@boma/protocol" });
    expect(imports).toContainEqual({ file: "test/fuzz/targets.ts", from: "@boma/protocol" });
    expect(imports).toContainEqual({ file: "scripts/gen.ts", from: "./functions-page.ts" });
  });

  test("index.ts is the only door of each, but for what is light, for sites, or for other programs", () => {
    const doors = { ".": "./src/index.ts" };
    const more: Record<string, object> = {
      "packages/master": { "./subscribe": "./src/client/subscribe.ts" },
      "packages/states": { "./core": "./src/core.ts", "./testing": "./src/testing/index.ts" },
    };
    expect(packages.map((folder) => JSON.parse(textOf(`${folder}/package.json`)).exports)).toEqual(
      packages.map((folder) => ({ ...doors, ...more[folder] })),
    );
    const known = ["@boma/master/subscribe", "@boma/states/core", "@boma/states/testing"];
    const deep = imports.filter(({ from }) => /^@boma\/[^/]+\//.test(from));
    expect(deep.filter(({ from }) => !known.includes(from))).toEqual([]);
  });

  test("none reaches into another past its door", () => {
    const across = imports.filter(({ file, from }) => {
      if (!from.startsWith(".") || !packageOf(file)) return false;
      return packageOf(relative(root, join(root, dirname(file), from))) !== packageOf(file);
    });
    expect(across).toEqual([]);
  });

  test("imports go one way: protocol, then states, then agent and master", () => {
    const may: Record<string, readonly string[]> = {
      "packages/protocol": [],
      "packages/states": ["@boma/protocol"],
      "packages/agent": ["@boma/protocol", "@boma/states", "@boma/states/core", "@boma/states/testing"],
      "packages/master": ["@boma/protocol", "@boma/states", "@boma/states/core"],
    };
    const against = imports.filter(({ file, from }) => {
      const folder = packageOf(file);
      return folder !== undefined && from.startsWith("@boma/") && !may[folder]!.includes(from);
    });
    expect(against).toEqual([]);
  });
});

describe("names", () => {
  /** A name with one of these says nothing: say what the thing is. */
  const EMPTY = new Set(["manager", "managers", "helper", "helpers", "util", "utils", "impl"]);
  const wordsOf = (name: string): string[] =>
    name
      .replace(/([a-z\d])([A-Z])/g, "$1 $2")
      .toLowerCase()
      .split(/[^a-z]+/);
  const isEmpty = (name: string): boolean => wordsOf(name).some((word) => EMPTY.has(word));

  test("an empty word is found within a name, and a longer word is not one", () => {
    expect(
      ["JobManager", "fileUtils", "utils", "a-helper", "HostImpl"].filter((name) => !isEmpty(name)),
    ).toEqual([]);
    expect(["utilisation", "manage", "implied", "simple", "help"].filter(isEmpty)).toEqual([]);
  });

  test("of files and folders hold no empty word", () => {
    expect(filesOf(`${FOLDERS}/**`).filter(isEmpty)).toEqual([]);
  });

  test("of what is declared hold no empty word", () => {
    const declared =
      /\b(?:(?:const|let|var|function\*?|class|interface|enum|get|set|async)\s+[A-Za-z_$][\w$]*|type\s+[A-Z]\w*(?=\s*[=<]))/g;
    const found = places(written, declared).filter(({ found: name }) => isEmpty(name.split(/\s+/).at(-1)!));
    expect(found).toEqual([]);
  });
});

describe("pages", () => {
  /** Links of a page to files of the repository; what stands in code is not a link. */
  function linksOf(page: string): string[] {
    const prose = textOf(page)
      .replace(/^(```|~~~)[\s\S]*?^\1/gm, "")
      .replace(/`[^`\n]*`/g, "");
    const inline = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)].map(([, to]) => to!);
    const below = [...prose.matchAll(/^\s*\[[^\]]+\]:\s*(\S+)/gm)].map(([, to]) => to!);
    return [...inline, ...below].filter((to) => !/^([a-z][a-z0-9+.-]*:|#)/i.test(to));
  }

  test("each link to a file leads to one", () => {
    const broken = pages.flatMap((page) =>
      linksOf(page)
        .filter((to) => !existsSync(join(root, dirname(page), decodeURI(to.split("#")[0]!))))
        .map((to) => ({ page, to })),
    );
    expect(broken).toEqual([]);
  });

  test("each page that an error's hint sends people to is there", () => {
    const hints = Object.values(codes).flatMap(({ hint }) => hint.match(/docs\/[\w/.-]+\.md/g) ?? []);
    expect(hints.filter((page) => !existsSync(join(root, page)))).toEqual([]);
  });
});
