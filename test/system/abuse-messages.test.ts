// Goal: no message, however it is made, harms anybody but its sender: each that is wrong is refused, counted and told
// at most once a second; jobs of others end well meanwhile; no secret comes out of it.
// Method: everything that is wrong about every kind of message, at every door that a credential opens, by plain clients
// with real credentials and the real keys that sign.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import {
  ApiAnswer,
  ApiRequest,
  Call,
  ENROL_BYTES_MAX,
  EnrolAsk,
  EVERYBODY,
  INBOX_KINDS,
  type InboxKind,
  Mailbox,
  MasterAsk,
  type MessageKind,
  newSigningKey,
  NodeEvent,
  NodeGrains,
  NodeHello,
  NodeProgress,
  NodeRekey,
  NodeReturn,
  open,
  seal,
  signingKey,
  splitManifest,
  subjects,
} from "@boma/protocol";
import { createInbox, type NatsConnection } from "nats";
import { afterAll, beforeAll, expect, test } from "vitest";

import { type OperatorCredential, readOperatorFile } from "../../packages/master/src/operator-file.ts";
import { bodies } from "../fuzz/targets.ts";
import { Bystander, putAll, refusedOf, stranger, type Taken, takeOver } from "../support/attack.ts";
import { newCanary } from "../support/canary.ts";
import { Fleet } from "../support/fleet.ts";
import { asUser, busOwner, identityOf } from "../support/hostile.ts";
import { malformed } from "../support/malformed.ts";

/** Of one sender in ten seconds: each of these messages is opened. */
const LOOKED_AT_MAX = 400;
const canary = newCanary();
/** All that an attacker was answered, which must not be a secret. */
const heard: Uint8Array[] = [];

let fleet: Fleet;
let owner: NatsConnection;
let bad: Taken;
let bystander: Bystander;
/** What went over the bus, and the part of it while all was well. */
const captured: { subject: string; data: Uint8Array }[] = [];
let saidInPeace: typeof captured = [];

beforeAll(async () => {
  fleet = await Fleet.prepare();
  plantSecret();
  await fleet.serve();
  owner = await busOwner(fleet);
  owner.subscribe("boma.>", { callback: (_, { subject, data }) => void captured.push({ subject, data }) });
  await owner.flush();
  await fleet.agent("good", { env: "dev" });
  await fleet.agent("bad", { env: "prod" });
  await fleet.ok("run", "*", "test.echo", "text=x");
  await fleet.ok("run", "env:dev", "state.apply");
  // The agent itself goes: whatever comes from this key now is ours.
  bad = await takeOver(fleet, "bad");
  bad.line.subscribe(`_INBOX.${bad.key}.>`, { callback: (_, { data }) => void heard.push(data) });
  bad.line.subscribe(subjects.mail(bad.key), { callback: (_, { data }) => void heard.push(data) });
  saidInPeace = [...captured];
  bystander = new Bystander(fleet, "good");
});
afterAll(async () => {
  await bystander?.stop();
  await bad?.line.close();
  await owner?.close();
  await fleet?.[Symbol.asyncDispose]();
});

function plantSecret(): void {
  const write = (name: string, text: string, mode: number): void => {
    const path = join(fleet.home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode });
  };
  rmSync(join(fleet.home, "site"), { recursive: true, force: true });
  write("secrets/db", canary.value, 0o600);
  chmodSync(join(fleet.home, "secrets"), 0o700);
  const reference = JSON.stringify(`file:${join(fleet.home, "secrets/db")}`);
  const imports = 'import { file, secret, text, top, tree } from "@boma/states";\n';
  write("site/top.ts", `${imports}export default top({ "env:dev": ["db"] });\n`, 0o644);
  write(
    "site/states/db.ts",
    `${imports}export default tree(() => [
  file.managed("/db.conf", { contents: text\`password = \${secret(${reference})}\\n\`, mode: "0600" }),
]);\n`,
    0o644,
  );
}

const bodyOf = (kind: MessageKind<never>): never => bodies.find(([known]) => known === kind)![1] as never;
const wrong = (kind: object, wire: Parameters<typeof malformed>[2]): Uint8Array[] =>
  malformed(kind as MessageKind<never>, bodyOf(kind as MessageKind<never>), wire).map(({ bytes }) => bytes);
/** Valid messages of every kind there is, which are wrong at any door but their own. */
const ofOtherKinds = (own: object, key: Taken["identity"]["sign"]): Uint8Array[] =>
  bodies
    .filter(([kind]) => (kind as object) !== own)
    .map(([kind, body]) => seal(kind, body as never, { to: "master", key }));

/** What was refused of this sender is all of it, each counted once, and told no more than once a second. */
async function expectRefused(key: string, count: number): Promise<void> {
  await expect
    .poll(async () => (await refusedOf(fleet, key)).counted, { timeout: 60_000, interval: 300 })
    .toBe(count);
  const { told, gapMs } = await refusedOf(fleet, key);
  expect(gapMs).toBeGreaterThanOrEqual(990);
  expect(told).toBeLessThan(count / 2);
}

const KINDS: Record<InboxKind, object> = {
  return: NodeReturn,
  progress: NodeProgress,
  grains: NodeGrains,
  event: NodeEvent,
};
let refusedOfBad = 0;

test.each(INBOX_KINDS)(
  "everything that is wrong about a %s is refused, and others are served",
  async (door) => {
    const { sign } = bad.identity;
    const frames = [...wrong(KINDS[door], { to: "master", key: sign }), ...ofOtherKinds(KINDS[door], sign)];
    expect(frames.length).toBeGreaterThan(150);
    const taken = await putAll(bad.line, subjects.inbox(bad.key, door), frames);
    // The server itself takes nothing that is larger than the inbox allows.
    expect(frames.length - taken).toBeLessThan(3);
    await bystander.served();
    refusedOfBad += taken;
    await expectRefused(bad.key, refusedOfBad);
  },
);

test.each([
  ["hello", NodeHello],
  ["rekey", NodeRekey],
] as const)("everything that is wrong about a %s is refused, and others are served", async (door, kind) => {
  const { sign } = bad.identity;
  const frames = [...wrong(kind, { to: "master", key: sign }), ...ofOtherKinds(kind, sign)];
  expect(frames.length).toBeLessThan(LOOKED_AT_MAX);
  for (const frame of frames) bad.line.publish(subjects.rpc(bad.key, door), frame);
  // The credential opens any door below this; behind most of them is nobody.
  for (const frame of frames.slice(0, 20)) bad.line.publish(`boma.rpc.${bad.key}.admit`, frame);
  // Its own mailbox and chunks are read from the server, which gives what is there, whatever comes with the question.
  for (const frame of frames.slice(0, 20))
    bad.line.publish(subjects.readMail(bad.key), frame, { reply: `_INBOX.${bad.key}.mail` });
  await bad.line.flush();
  await bystander.served();
  refusedOfBad += frames.length;
  await expectRefused(bad.key, refusedOfBad);
});

test("everything that is wrong about a request to join is refused, and others are served", async () => {
  const { kit } = identityOf(join(fleet.dir, "good"));
  const { nkey, line } = await stranger(fleet, kit);
  const key = newSigningKey();
  // A stranger's mouth is small, and the server counts more than the message.
  const frames = [
    ...wrong(EnrolAsk, { to: "master", key, bytesMax: ENROL_BYTES_MAX - 512 }),
    ...ofOtherKinds(EnrolAsk, key),
    // In order but for the keys that it names: they are not those of this connection.
    seal(EnrolAsk, bodyOf(EnrolAsk as MessageKind<never>), { to: "master", key }),
  ];
  expect(frames.length).toBeLessThan(LOOKED_AT_MAX);
  for (const frame of frames) line.publish(subjects.enrol(nkey.publicKey), frame);
  await line.flush();
  await bystander.served();
  await expectRefused(nkey.publicKey, frames.length);
  await line.close();
  expect(await fleet.ok("enroll", "list")).toMatch(/nobody asks to join/);
});

test("everything that is wrong about an operator's request is refused, also with a key that may do little", async () => {
  const file = join(fleet.dir, "auditor.json");
  await fleet.ok("operator", "add", "auditor", "--audit", "--out", file);
  const { user, sign, credential }: OperatorCredential = readOperatorFile({} as never, file);
  const line = await asUser(fleet, user, credential);
  const frames = [
    ...wrong(ApiRequest, { to: "master", key: sign, timed: true }),
    ...ofOtherKinds(ApiRequest, sign),
  ];
  for (const frame of frames) line.publish(subjects.api(user.publicKey, "job.start"), frame);
  await line.flush();
  await bystander.served();
  await expectRefused(user.publicKey, frames.length);
  await line.close();
});

test("what was said before, by itself or by others, does nothing when it is played again", async () => {
  const { publicKey: good } = identityOf(join(fleet.dir, "good")).nkey;
  const said = saidInPeace.filter(({ subject }) => /^boma\.(in|rpc|enrol)\./.test(subject));
  const [own, others] = [bad.key, good].map((key) => said.filter(({ subject }) => subject.includes(key)));
  expect(own!.length).toBeGreaterThan(3);
  const last = captured.findLast(({ subject }) => subject.startsWith(`boma.in.${good}.return`))!;
  const events = async () =>
    (await fleet.json<{ node?: string; kind: string }[]>("events", "--since", "1h")).value
      .filter(({ node, kind }) => node === bad.key && kind !== "message.refused")
      .map(({ kind }) => kind);
  const before = await events();
  for (const door of INBOX_KINDS) {
    const subject = subjects.inbox(bad.key, door);
    const again = own!.filter((one) => one.subject === subject).map(({ data }) => data);
    // What others said is as wrong here as anything that another key signed.
    const foreign = [...others!.slice(0, 30), last].map(({ data }) => data);
    await putAll(bad.line, subject, [...again, ...again, ...foreign]);
    refusedOfBad += foreign.length;
  }
  await bystander.served();
  await expectRefused(bad.key, refusedOfBad);
  expect(await events()).toEqual(before);
});

test("an operator's request that the bus plays again is not carried out again", async () => {
  const { value } = await fleet.json<{ job: string }>("run", "good", "test.ping");
  expect(value.job).toBeTruthy();
  const asked = captured.filter(({ subject }) => /^boma\.api\.\w+\.token-create$/.test(subject));
  const tokens = async () => (await fleet.json<unknown[]>("token", "list")).value.length;
  const before = await tokens();
  const { publicKey } = readOperatorFile({} as never, join(fleet.home, "operator.json")).user;
  // What was asked while the master had just begun to lead is asked for its challenge again, the rest is refused.
  let challenged = 0;
  const reply = createInbox();
  owner.subscribe(reply, {
    callback: (_error, { data }) => {
      const { frame } = splitManifest(data);
      const { body } = open(ApiAnswer, frame, { trusts: () => true, to: publicKey, now: null });
      expect(body).toEqual({ nonce: expect.anything(), feed: false, challenge: expect.anything() });
      challenged += 1;
    },
  });
  for (const { subject, data } of asked) owner.publish(subject, data, { reply });
  await owner.flush();
  const refused = async () => (await refusedOf(fleet, publicKey)).counted;
  await expect.poll(async () => (await refused()) + challenged, { timeout: 30_000 }).toBe(asked.length);
  expect(await refused()).toBeGreaterThan(0);
  expect(await tokens()).toBe(before);
});

test("a node refuses everything that is wrong about an order, even in the master's own hand, and takes the next one", async () => {
  const { publicKey: key } = identityOf(join(fleet.dir, "good")).nkey;
  const text = readFileSync(join(fleet.home, "master/keys/working.json"), "utf8");
  const hand = signingKey(Buffer.from((JSON.parse(text) as { sign: string }).sign, "base64"));
  expect(await bystander.end()).toEqual([]);
  const wire = { to: key, key: hand };
  const mail = wrong(Mailbox, wire);
  const asks = wrong(MasterAsk, wire);
  const calls = wrong(Call, { to: EVERYBODY, key: hand });
  expect(Math.min(mail.length, asks.length, calls.length)).toBeGreaterThan(100);
  for (const frame of mail) owner.publish(subjects.mail(key), frame);
  for (const frame of asks) owner.publish(subjects.ask(key), frame);
  for (const frame of calls) owner.publish(subjects.call, frame);
  await owner.flush();
  const told = async () =>
    (
      await fleet.json<{ id?: string; data: { unreported: number } }[]>(
        "events",
        "node.message-refused",
        "--since",
        "1h",
      )
    ).value.filter(({ id }) => id === "good");
  await expect
    .poll(async () => (await told()).reduce((sum, { data }) => sum + 1 + data.unreported, 0), {
      timeout: 30_000,
    })
    // The last of them lies in its mailbox, and may be read once more.
    .toBeGreaterThanOrEqual(mail.length + asks.length + calls.length);
  expect((await told()).length).toBeLessThan(20);
  expect((await fleet.run("run", "good", "test.ping")).code).toBe(0);
  bystander = new Bystander(fleet, "good");
  await bystander.served();
});

test("after all of it the jobs of others ended well, nothing is lost or double, and no secret came out", async () => {
  expect(await bystander.end()).toEqual([]);
  expect(await fleet.ok("status")).toBeTruthy();
  const printed = {
    events: await fleet.ok("events", "--since", "1h", "--json"),
    audit: await fleet.ok("audit", "show", "--since", "1h", "--json"),
    master: fleet.master.lines.join("\n"),
    answers: Buffer.concat(heard),
    bus: Buffer.concat(captured.map(({ data }) => data)),
  };
  expect(heard.length).toBeGreaterThan(0);
  expect(canary.inTexts(printed)).toEqual([]);
  rmSync(join(fleet.dir, "good/db.conf"));
  rmSync(join(fleet.home, "secrets/db"));
  expect(canary.inFiles(fleet.dir)).toEqual([]);
});
