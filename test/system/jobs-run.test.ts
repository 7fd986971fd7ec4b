/** Runs on several nodes: what each one says, and how it is told. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { commandEnd, run } from "../support/run.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.agent("box", { env: "prod", unconfined: true });
  await fleet.emulate(3, "n");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

const nodes = ["n-0001", "n-0002", "n-0003"];
const onBox = (...words: readonly string[]) => run(fleet, "box", "cmd.run", ...words);

describe("a run on several nodes", () => {
  test("names every expected node with its status and what it returned, and ends with 0", async () => {
    const { code, value } = await run(fleet, "env:dev", "test.echo", "hello there");
    expect(code).toBe(0);
    expect(value).toMatchObject({ ok: true, state: "closed", expected: nodes, summary: { ok: 3 } });
    expect(value.job).toMatch(/^[0-9A-Z]{26}$/);
    for (const id of nodes) expect(value.nodes[id]).toMatchObject({ status: "ok", return: "hello there" });
    expect(Object.keys(value.nodes)).toEqual(nodes);
  });

  test("prints nodes with the same result once, and says how many there were", async () => {
    const { code, stdout } = await fleet.run("run", "env:dev", "test.echo", "same");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok +n-0001 n-0002 n-0003\n +same\n\n3 nodes in \d+\.\d\d s: 3 ok\n$/m);
  });

  test("tells different results apart, the worst last", async () => {
    const { code, stdout } = await fleet.run("run", "box or n-0001", "cmd.run", "echo done");
    expect(code).toBe(1);
    const [box, refused] = [stdout.indexOf("ok        box\n"), stdout.indexOf("refused   n-0001\n")];
    expect(box).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(box);
    expect(stdout).toMatch(/^2 nodes in \d+\.\d\d s: 1 ok, 1 refused$/m);
  });

  test("is a line of JSON for each thing that happens with --output ndjson, and a summary at the end", async () => {
    const { code, stdout } = await fleet.run("run", "env:dev", "test.ping", "--output", "ndjson");
    expect(code).toBe(0);
    const items = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; id?: string; status?: string; ok?: boolean });
    expect(items[0]!.type).toBe("job");
    const endings = items.filter(({ type }) => type === "ending");
    expect(new Set(endings.map(({ id, status }) => `${id} ${status}`))).toEqual(
      new Set(nodes.map((id) => `${id} ok`)),
    );
    expect(endings).toHaveLength(nodes.length);
    expect(items.at(-1)).toMatchObject({ type: "summary", ok: true, expected: nodes });
  });

  test("is kept: `jobs show` says the same afterwards, and `jobs list` has it", async () => {
    const { value } = await run(fleet, "env:dev", "test.echo", "kept");
    const shown = await fleet.json("jobs", "show", value.job);
    expect(shown).toEqual({ code: 0, value });
    const { value: list } = await fleet.json<{ job: string; function: string; nodes: number }[]>(
      "jobs",
      "list",
    );
    expect(list[0]).toMatchObject({ job: value.job, function: "test.echo", nodes: 3, state: "closed" });
  });
});

describe("cmd.run", () => {
  test("splits one text into words as a shell would, without a shell", async () => {
    const { code, value } = await onBox(`printf '%s|' "a b" '$HOME' c`);
    expect(code).toBe(0);
    expect(value.nodes["box"]!.status).toBe("ok");
    expect(commandEnd(value, "box")).toEqual({
      exitCode: 0,
      signal: null,
      stdout: "a b|$HOME|c|",
      stderr: "",
      cut: false,
    });
  });

  test("takes the words behind -- as they are", async () => {
    const { value } = await onBox("--", "printf", "%s|", "--json", "a b");
    expect(commandEnd(value, "box").stdout).toBe("--json|a b|");
  });

  test("gives the text to a shell where one is asked for", async () => {
    const { value } = await onBox("echo $((6*7)) | tr 4 x; echo oops >&2", "shell=true");
    expect(commandEnd(value, "box")).toMatchObject({ stdout: "x2\n", stderr: "oops\n" });
  });

  test("runs in the directory, with the variables, the input and the user that it is given", async () => {
    const dir = join(fleet.dir, "work");
    mkdirSync(dir);
    const { value } = await onBox(
      'pwd; echo "$GREETING"; cat; id -un',
      "shell=true",
      `cwd=${dir}`,
      'env={"GREETING":"good day"}',
      "stdin=from the input\n",
      "user=root",
    );
    expect(commandEnd(value, "box").stdout).toBe(`${dir}\ngood day\nfrom the input\nroot\n`);
  });

  test("becomes the user that it is told, and keeps none of root's groups", async () => {
    const { value } = await onBox("id -un; id -Gn", "shell=true", "user=nobody");
    expect(commandEnd(value, "box").stdout).toBe("nobody\nnogroup\n");
  });

  test("tells the exit code of a program that failed, and ends with 1", async () => {
    const { code, value } = await onBox("exit 7", "shell=true");
    expect(code).toBe(1);
    expect(value).toMatchObject({ ok: false, nodes: { box: { status: "failed", return: { exitCode: 7 } } } });
    const { stdout } = await fleet.run("run", "box", "cmd.run", "exit 7", "shell=true");
    expect(stdout).toMatch(/^failed +box\n +exit code 7$/m);
  });

  test("tells the signal that ended a program", async () => {
    const { value } = await onBox("kill -9 $$", "shell=true");
    expect(value.nodes["box"]!.status).toBe("failed");
    expect(commandEnd(value, "box")).toMatchObject({ exitCode: null, signal: "SIGKILL" });
  });

  test("says that there is no such program, user or directory", async () => {
    const program = await onBox("no-such-program-here");
    expect(program).toMatchObject({ code: 1, value: { nodes: { box: { status: "failed" } } } });
    expect(program.value.nodes["box"]!.error!.message).toContain("no-such-program-here");
    const user = await onBox("true", "user=no-such-user");
    expect(user.value.nodes["box"]!.error!.message).toContain("no-such-user");
    const directory = await onBox("true", "cwd=/no/such/directory");
    expect(directory.value.nodes["box"]!.error!.message).toContain("/no/such/directory");
  });

  test("is stopped when its time is up, keeps what it had said, and ends with 5", async () => {
    const { code, value } = await onBox("echo begun; sleep 600", "shell=true", "--timeout", "1s");
    expect(code).toBe(5);
    expect(value.nodes["box"]).toMatchObject({ status: "timeout", error: { code: "job/timeout" } });
    expect(commandEnd(value, "box").stdout).toBe("begun\n");
  });

  test("shows each line while the program still runs", async () => {
    const go = join(fleet.dir, "go");
    const command = `echo first; while [ ! -e ${go} ]; do sleep 0.05; done; echo second`;
    await using watching = fleet.spawn("run", "box", "cmd.run", command, "shell=true");
    await watching.line(/^box │ first$/);
    expect(existsSync(go)).toBe(false);
    writeFileSync(go, "");
    await watching.line(/^box │ second$/);
    expect(await watching.ended).toMatchObject({ code: 0 });
  });

  test("cuts an output that is too long in its middle, and says so", async () => {
    const { code, value } = await onBox(
      "echo begin; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end",
      "shell=true",
    );
    expect(code).toBe(0);
    const { stdout, cut } = commandEnd(value, "box");
    expect(cut).toBe(true);
    expect(stdout.length).toBeLessThan(262_144);
    expect(stdout).toMatch(/^begin\nx+/);
    expect(stdout).toMatch(/bytes left out …\nx+\nend\n$/);
    const shown = await fleet.run("jobs", "show", value.job);
    expect(shown.stdout).toContain("(the output was longer, and was cut)");
  });

  test("cannot move the operator's terminal: control characters are shown, not obeyed", async () => {
    const command = String.raw`printf 'a\033[31mred\033[0m\rover \033]0;title\007 \302\2332J \342\200\256rtl\n'; printf 'x\033[2Jy' >&2; exit 3`;
    const words = ["run", "box", "cmd.run", command, "shell=true"] as const;
    for (const mode of ["text", "json", "ndjson"] as const) {
      const { stdout, stderr } = await fleet.run(...words, "--output", mode);
      // oxlint-disable-next-line no-control-regex -- these are what is looked for.
      expect(`${mode}: ${stdout}${stderr}`).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(stdout).toMatch(mode === "text" ? /a\\x1b\[31mred/ : /a\\u001b\[31mred/);
    }
  });

  test("is refused by a confined agent with the reason, while others run it", async () => {
    const file = join(fleet.dir, "touched");
    const { code, value } = await run(fleet, "*", "cmd.run", `touch ${file}`);
    expect(code).toBe(1);
    expect(value.summary).toEqual({ ok: 1, refused: 3 });
    expect(value.nodes["n-0001"]!.error).toMatchObject({ code: "confined/refused" });
    expect(readFileSync(file, "utf8")).toBe("");
  });
});
