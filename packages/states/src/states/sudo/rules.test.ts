import { describe, expect, test } from "vitest";

import type { Command, Exit } from "../../host/commands.ts";
import { type Given, memoryHost } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import { Rule, writeRule } from "./rule.ts";
import rules from "./rules.ts";

const PATH = "/etc/sudoers.d/boma-deploy";
const DEPLOY = { rules: [{ users: ["deploy"], commands: ["/bin/true"] }] };
const given = (files: Given["files"] = {}, commands: Given["commands"] = { visudo: {} }): Given => ({
  commands,
  files: { "/etc/sudoers": "@includedir /etc/sudoers.d\n", "/etc/sudoers.d": { directory: true }, ...files },
});

const line = (rule: object): string => writeRule(Rule.parse({ users: ["deploy"], ...rule }));

describe("a rule", () => {
  test.each([
    [{ commands: ["/bin/true"] }, "deploy ALL=(root) /bin/true"],
    [{ commands: ["ALL"], noPassword: true }, "deploy ALL=(root) NOPASSWD: ALL"],
    [
      {
        groups: ["admin", "ops"],
        hosts: ["web01"],
        runAs: ["www-data", "ALL"],
        commands: ["/bin/a x", "/bin/b"],
      },
      "deploy, %admin, %ops web01=(www-data, ALL) /bin/a x, /bin/b",
    ],
    [{ commands: ["/bin/a --x=1,2:3 #4 \\d"] }, "deploy ALL=(root) /bin/a --x\\=1\\,2\\:3 \\#4 \\\\d"],
  ])("%j is written as %s", (rule, text) => {
    expect(line(rule)).toBe(text);
  });

  test.each<[object, string]>([
    [{ commands: ["!/bin/su"] }, "a forbidden command keeps nobody out"],
    [{ commands: ["systemctl restart x"] }, "no whole path"],
    [{ commands: ["/bin/a\nmallory ALL=(ALL) ALL"] }, "a second line"],
    [{ commands: [] }, "nothing"],
    [{ users: [], commands: ["ALL"] }, "for nobody"],
    [{ users: ["a, mallory"], commands: ["ALL"] }, "a name with a comma"],
    [{ users: ["%wheel"], commands: ["ALL"] }, "a group as a user"],
    [{ hosts: ["a = b"], commands: ["ALL"] }, "a host that is none"],
    [{ runAs: ["root) NOPASSWD: ALL, (root"], commands: ["ALL"] }, "a user that is none"],
  ])("%j is refused: %s", (rule) => {
    expect(() => line(rule)).toThrow();
  });

  test("with a wildcard is a warning", () => {
    const want = rules.spec.params.parse({
      name: "x",
      rules: [{ users: ["a"], commands: ["/bin/cat /var/log/*"] }],
    });
    expect(rules.spec.warnings!(want, {})).toEqual([expect.stringContaining("/bin/cat /var/log/*")]);
  });
});

test.each(["deploy.conf", "deploy~", "Deploy", "a/b", ""])(
  "the name %j is refused where it is written",
  async (name) => {
    await expect(tryState(rules, name, DEPLOY, given())).rejects.toMatchObject({ code: "state/params" });
  },
);

test("a file for root to read and nobody to write, and no draft left over", async () => {
  const { host, read } = await tryState(rules, "deploy", DEPLOY, given());
  expect(await read(PATH)).toMatch(/^# Kept by boma.*\ndeploy ALL=\(root\) \/bin\/true\n$/);
  expect(host.tree.get(PATH)).toMatchObject({ mode: "0440", owner: "root", group: "root" });
  expect([...host.tree.keys()].filter((path) => path.includes("draft") || path.includes("/.boma"))).toEqual(
    [],
  );
});

test("a mode that was widened is set back", async () => {
  const { host } = await tryState(rules, "deploy", DEPLOY, given());
  host.tree.get(PATH)!.mode = "0644";
  expect((await tryState(rules, "deploy", DEPLOY, host)).changes).toEqual({
    mode: { from: "0644", to: "0440" },
  });
  expect(host.tree.get(PATH)!.mode).toBe("0440");
});

test("rules that visudo refuses as a draft never come into place", async () => {
  const host = memoryHost(given());
  answer(host, ({ argv }) => (argv.includes("-f") ? "draft:1: syntax error" : undefined));
  await expect(tryState(rules, "deploy", DEPLOY, host)).rejects.toMatchObject({
    code: "state/blocked",
    message: expect.stringContaining("draft:1: syntax error"),
  });
  expect(host.log.filter((call) => call.includes(PATH))).toEqual([]);
  expect([...host.tree.keys()].filter((path) => path.startsWith("/etc/.boma"))).toEqual([]);
});

test.each([
  ["the file of before is put back", "# before\n"],
  ["a file that was not there is taken away", undefined],
])("when sudo as a whole would not work, %s", async (_, before) => {
  const host = memoryHost(given(before === undefined ? {} : { [PATH]: { contents: before, mode: "0400" } }));
  answer(host, ({ argv }) =>
    !argv.includes("-f") && contentOf(host, PATH).includes("/bin/true") ? "alias defined twice" : undefined,
  );
  await expect(tryState(rules, "deploy", DEPLOY, host)).rejects.toMatchObject({
    code: "state/blocked",
    message: expect.stringContaining("it was taken back"),
  });
  expect(contentOf(host, PATH)).toBe(before ?? "");
  expect(host.tree.has(PATH)).toBe(before !== undefined);
  if (before !== undefined) expect(host.tree.get(PATH)!.mode).toBe("0400");
});

test("nothing is put beside a fault that was there before", async () => {
  const host = memoryHost(given());
  answer(host, ({ argv }) => (argv.includes("-f") ? undefined : "/etc/sudoers.d/other:3: syntax error"));
  await expect(tryState(rules, "deploy", DEPLOY, host)).rejects.toMatchObject({
    code: "state/blocked",
    message: expect.stringContaining("/etc/sudoers.d/other:3"),
  });
  expect(host.tree.has(PATH)).toBe(false);
});

test("its own file with a fault is repaired", async () => {
  const host = memoryHost(given({ [PATH]: "rubbish\n" }));
  answer(host, ({ argv }) =>
    !argv.includes("-f") && contentOf(host, PATH).includes("rubbish") ? `${PATH}:1: syntax error` : undefined,
  );
  const { left } = await tryState(rules, "deploy", DEPLOY, host);
  expect(left).toEqual({});
});

test("a main file that does not include the directory is a reason to refuse", async () => {
  const files = { "/etc/sudoers": "root ALL=(ALL) ALL\n# @includedir /etc/sudoers.d\n" };
  await expect(tryState(rules, "deploy", DEPLOY, given(files))).rejects.toMatchObject({
    code: "state/blocked",
    message: "/etc/sudoers does not include /etc/sudoers.d, so no rule there would count",
  });
  const old = { "/etc/sudoers": "#includedir /etc/sudoers.d\n" };
  expect((await tryState(rules, "deploy", DEPLOY, given(old))).left).toEqual({});
});

test("without visudo nothing is written", async () => {
  const host = memoryHost(given({}, {}));
  await expect(tryState(rules, "deploy", DEPLOY, host)).rejects.toMatchObject({ code: "state/blocked" });
  expect(host.tree.has(PATH)).toBe(false);
});

/** What visudo says against what it is shown; nothing where it is content. */
function answer(host: ReturnType<typeof memoryHost>, fault: (command: Command) => string | undefined): void {
  const read = async (command: Command): Promise<Exit> => {
    const stderr = fault(command) ?? "";
    return { exitCode: stderr === "" ? 0 : 1, signal: null, stdout: "", stderr, cut: false };
  };
  host.ports.commands.read.read = read;
  host.ports.commands.write.read = read;
}

function contentOf({ tree }: ReturnType<typeof memoryHost>, path: string): string {
  const entry = tree.get(path);
  return entry?.type === "file" ? Buffer.from(entry.bytes).toString() : "";
}

describe("those who must be able to do everything", () => {
  const rights = (text: string): Given["commands"] => ({
    visudo: {},
    sudo: { stdout: `User anna may run:\n${text}\n` },
  });
  const tried = (text: string) =>
    tryState(rules, "deploy", { ...DEPLOY, must: ["anna"] }, given({}, rights(text)));

  test.each([
    "    (ALL : ALL) ALL",
    "    (root) NOPASSWD: ALL",
    "    (ALL) /bin/a\n    (ALL) NOPASSWD: SETENV: ALL",
  ])("still can with %j", async (text) => {
    expect((await tried(text)).left).toEqual({});
  });

  test.each(["    (root) /bin/true", "    (deploy) ALL", "    (root) NOPASSWD: ALL, !/bin/su"])(
    "no longer could with %j, and the rules are taken back",
    async (text) => {
      await expect(tried(text)).rejects.toMatchObject({
        code: "state/blocked",
        message: expect.stringContaining("anna, who must"),
      });
    },
  );
});
