// Goal: what a thief can do with an image, an agent's directory or an operator's key is bounded, is seen, and ends with
// the command that docs/security.md names for it.
// Method: the stolen files themselves, used from elsewhere; the commands as a user types them.
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { NodeReturn, parseToken, printJoinToken, seal, subjects } from "@boma/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { WaitingView } from "../../packages/master/src/api/verbs/enroll.ts";
import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import { readOperatorFile } from "../../packages/master/src/operator-file.ts";
import { stranger } from "../support/attack.ts";
import { newCanary } from "../support/canary.ts";
import { Fleet } from "../support/fleet.ts";
import { asNode, asUser, identityOf } from "../support/hostile.ts";
import type { RunDocument } from "../support/run.ts";

const canary = newCanary();
const DEAD = /authorization|revoked|authentication/i;
let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.prepare();
  plantSecret();
  await fleet.serve();
  await fleet.agent("web-01", { env: "prod" });
  await fleet.agent("dev-01", { env: "dev" });
  await fleet.ok("run", "env:prod", "state.apply");
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

/** A secret that is for `env:prod` alone. */
function plantSecret(): void {
  const write = (name: string, text: string): void => {
    const path = join(fleet.home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o600 });
  };
  rmSync(join(fleet.home, "site"), { recursive: true, force: true });
  write("secrets/db", canary.value);
  chmodSync(join(fleet.home, "secrets"), 0o700);
  write(
    "site/top.ts",
    'import { top } from "@boma/states";\nexport default top({ "env:prod": ["db"], "env:dev": ["dev"] });\n',
  );
  write("site/states/dev.yaml", "- file.managed: /dev.conf\n  contents: nothing\n");
  write(
    "site/states/db.yaml",
    `- file.managed: /db.conf\n  contents: !secret "file:${join(fleet.home, "secrets/db")}"\n`,
  );
}

const nodes = async () => (await fleet.json<NodeView[]>("nodes")).value;
const waiting = async () => (await fleet.json<{ waiting: WaitingView[] }>("enroll", "list")).value.waiting;
const audit = async (...words: readonly string[]) =>
  (await fleet.json<Record<string, unknown>[]>("audit", "show", "--since", "1h", ...words)).value;

describe("a stolen image", () => {
  test("without a token lets a thief ask and wait; `enroll deny` sends him away, and no node's name becomes his", async () => {
    const thief = await fleet.agent("web-01", {
      noToken: true,
      home: join(fleet.dir, "thief"),
      waitFor: /known with another key/,
    });
    const fresh = await fleet.agent("new-99", {
      noToken: true,
      args: ["--grain", "env=prod"],
      waitFor: /waiting for approval/,
    });
    expect(new Map((await waiting()).map(({ id, status }) => [id, status]))).toEqual(
      new Map([
        ["new-99", "pending"],
        ["web-01", "changed-key"],
      ]),
    );
    await fleet.ok("enroll", "deny", "new-99");
    await fresh.line(/denied by the master/);
    await Promise.all([thief.stop(), fresh.stop()]);
    // What it claims to be selects nothing.
    const { value } = await fleet.json<{ ids?: string[] }>("target", "env:prod");
    expect(JSON.stringify(value)).not.toContain("new-99");
    expect((await nodes()).map(({ id }) => id).toSorted()).toEqual(["dev-01", "web-01"]);
  });

  test("reads nothing of anybody with what it carries", async () => {
    const { kit } = identityOf(join(fleet.dir, "web-01"));
    const { nkey, line } = await stranger(fleet, kit);
    const complaints: string[] = [];
    void (async () => {
      for await (const status of line.status())
        if (status.type === "error") complaints.push(status.error.message);
    })();
    const { publicKey: victim } = identityOf(join(fleet.dir, "web-01")).nkey;
    for (const subject of [subjects.mail(victim), subjects.enrol("*"), "boma.>", ">"])
      line.subscribe(subject);
    await line.flush();
    await expect.poll(() => complaints.length).toBeGreaterThanOrEqual(4);
    expect(complaints.every((words) => /permissions violation/i.test(words))).toBe(true);
    expect(nkey.publicKey).not.toBe(victim);
    await line.close();
  });

  test("with a token lets in as many as the token has uses, until `token revoke`; `revoke` ends those who came", async () => {
    const { joinToken, id } = await fleet.token("--uses", "10", "--env", "dev");
    const { kit, token } = parseToken(joinToken);
    const stolen = printJoinToken(kit!, token);
    const first = await fleet.agent("thief-01", { token: stolen });
    await fleet.event("node.enrolled", (told) => told.id === "thief-01" && told.data["by"] === `token ${id}`);
    await fleet.ok("token", "revoke", id);
    const second = await fleet.agent("thief-02", { token: stolen, waitFor: /the token was refused/ });
    // He is a node of env:dev by then, and is sent what such a node is sent: that is what the token was worth.
    expect((await fleet.run("run", "thief-01", "test.ping")).code).toBe(0);
    await fleet.ok("revoke", "thief-01");
    await first.line(/denied by the master/);
    expect((await nodes()).map((node) => node.id).toSorted()).toEqual(["dev-01", "web-01"]);
    await Promise.all([first.stop(), second.stop()]);
  });
});

describe("a stolen agent's directory", () => {
  test("speaks for its node alone, is seen beside it, and is dead with `revoke`, live line and all", async () => {
    const stolen = identityOf(join(fleet.dir, "dev-01"));
    const key = stolen.nkey.publicKey;
    const line = await asNode(fleet, stolen);
    const copied = join(fleet.dir, "copy");
    cpSync(join(fleet.dir, "dev-01/boma"), copied, {
      recursive: true,
      filter: (path) => !/\/(lock|status)\.[^/]*$|\.tmp$/.test(path),
    });
    const copy = await fleet.agent("dev-01", { home: copied });
    await fleet.event("node.duplicate", (told) => told.node === key);
    const { value } = await fleet.json<RunDocument>("run", "dev-01", "state.apply");
    expect(value.nodes["dev-01"]).toMatchObject({ status: "refused", error: { code: "node/barred" } });
    // What he says of a job of another node is about his own, which has no such job.
    const ping = await fleet.json<RunDocument>("run", "web-01", "test.ping");
    const forged = {
      job: ping.value.job,
      status: "failed",
      value: 0,
      startedAt: 1,
      ms: 1,
      cut: false,
    } as const;
    await line.request(
      subjects.inbox(key, "return"),
      seal(NodeReturn, forged, { to: "master", key: stolen.sign }),
    );
    expect((await fleet.run("jobs", "show", ping.value.job)).stdout).toMatch(/web-01/);
    expect((await fleet.json<RunDocument>("jobs", "show", ping.value.job)).value.nodes).toMatchObject({
      "web-01": { status: "ok" },
    });
    const { value: revoked } = await fleet.json<{ connected: boolean }>("revoke", "dev-01");
    expect(revoked.connected).toBe(true);
    await line.closed();
    await copy.line(/denied by the master/);
    await expect(asNode(fleet, stolen)).rejects.toThrow(DEAD);
    await copy.stop();
    // The machine itself comes again, with keys of its own, and takes its name back.
    await fleet.agents.get("dev-01")!.stop();
    await fleet.agent("dev-01", { env: "dev", home: join(fleet.dir, "dev-new") });
    expect((await fleet.run("run", "dev-01", "test.ping")).code).toBe(0);
  });
});

describe("a stolen operator's key", () => {
  test("does what its rights say, every bit of it in the audit, until `operator remove`; what it began can be cancelled", async () => {
    const file = join(fleet.dir, "ci.json");
    await fleet.ok("operator", "add", "ci", "--read", "--run", "test.*@env:dev", "--out", file);
    const asThief = (...words: readonly string[]) => fleet.run(...words, "--operator", file);
    const { user, credential } = readOperatorFile({} as never, file);
    const line = await asUser(fleet, user, credential);
    expect((await asThief("run", "env:prod", "test.ping")).code).toBe(1);
    expect((await asThief("run", "env:dev", "cmd.run", "id")).code).toBe(1);
    expect((await asThief("audit", "show")).code).toBe(1);
    const begun = JSON.parse(
      (await asThief("run", "env:dev", "test.sleep", "seconds=120", "--async", "--json")).stdout,
    ) as {
      job: string;
    };
    await fleet.ok("operator", "remove", "ci");
    await line.closed();
    await expect(asUser(fleet, user, credential)).rejects.toThrow(DEAD);
    expect((await asThief("nodes")).code).toBe(3);
    const done = await audit("--by", "ci");
    expect(done.some((entry) => entry["kind"] === "job" && entry["job"] === begun.job)).toBe(true);
    expect(done.filter(({ kind }) => kind === "denied" || kind === "refused").length).toBeGreaterThanOrEqual(
      3,
    );
    await fleet.ok("jobs", "cancel", begun.job);
    await fleet.event("job.finished", (told) => told.job === begun.job);
  });

  test("that may do everything is ended by another such one, with all that it let in, also over a restart", async () => {
    const second = join(fleet.dir, "second.json");
    await fleet.ok("operator", "add", "second", "--admin", "--out", second);
    const local = readOperatorFile({} as never, join(fleet.home, "operator.json"));
    // The thief of the first one's key lets himself in by a door of his own.
    await fleet.ok("operator", "add", "backdoor", "--admin", "--out", join(fleet.dir, "backdoor.json"));
    const asSecond = (...words: readonly string[]) => fleet.run(...words, "--operator", second);
    const listed = JSON.parse((await asSecond("operator", "list", "--json")).stdout) as {
      name: string;
      addedBy: string;
    }[];
    const his = listed.filter(({ addedBy }) => addedBy === "local").map(({ name }) => name);
    expect(his).toContain("backdoor");
    for (const name of ["local", "backdoor"])
      expect((await asSecond("operator", "remove", name)).code).toBe(0);
    await fleet.master.stop();
    await fleet.serve();
    await expect(asUser(fleet, local.user, local.credential)).rejects.toThrow(DEAD);
    expect((await fleet.run("nodes")).code).toBe(3);
    expect((await fleet.run("nodes", "--operator", join(fleet.dir, "backdoor.json"))).code).toBe(3);
    expect((await asSecond("nodes")).code).toBe(0);
    const seen = JSON.parse((await asSecond("audit", "show", "--since", "1h", "--json")).stdout) as {
      verb?: string;
    }[];
    expect(seen.filter(({ verb }) => verb === "operator.add")).toHaveLength(3);
  });
});

test("no secret of a node came to any of them", () => {
  const conf = join(fleet.dir, "web-01/db.conf");
  expect(existsSync(conf) && readFileSync(conf, "utf8").includes(canary.value)).toBe(true);
  rmSync(conf);
  rmSync(join(fleet.home, "secrets/db"));
  const screens = Object.fromEntries([...fleet.agents].map(([id, { lines }]) => [id, lines.join("\n")]));
  expect(canary.inTexts({ ...screens, master: fleet.master.lines.join("\n") })).toEqual([]);
  expect(canary.inFiles(fleet.dir)).toEqual([]);
});
