/** Every event reaches its receiver, whatever the receiver does: it is away, slow, broken, or refuses. On a real bus. */
import { createHmac, timingSafeEqual } from "node:crypto";

import { expect, test } from "vitest";

import { createCa, issueServerCertificate } from "../../packages/master/src/bus/tls.ts";
import { NotifyBench } from "../support/notify.ts";
import { answer, type Behaviour, hang, type Received, Receiver } from "../support/receiver.ts";

/** On a machine that is busy with others. */
const POLL = { timeout: 45_000 };
const QUICK = 'retry: { attempts: 3, first: "20ms" }, timeout: "500ms"';
const ops = (url: string, more = "") =>
  `ops: { on: "token.*", to: webhook({ url: "${url}" ${more} }), ${QUICK} }`;
const tokenOf = ({ body }: Received) => (JSON.parse(body) as { data: { token: string } }).data.token;
const tokens = (received: readonly Received[]) => received.map(tokenOf);
async function dead(bench: NotifyBench, count: number): Promise<void> {
  await expect.poll(() => bench.notifications.dead().length, POLL).toBe(count);
}

async function told(bench: NotifyBench, pattern: string) {
  await bench.events.settled();
  const found = [];
  for await (const { kind, data } of bench.events.read({ pattern })) found.push({ kind, data });
  return found;
}

test("each event is delivered once, in order, as itself, with an id of its own", async () => {
  await using receiver = await Receiver.start();
  await using bench = await NotifyBench.start(ops(receiver.url));
  await bench.tell(20);
  const received = await receiver.until(({ length }) => length >= 20);
  expect(tokens(received)).toEqual(Array.from({ length: 20 }, (_, at) => `t${at}`));
  expect(new Set(receiver.ids).size).toBe(20);
  expect(JSON.parse(received[0]!.body)).toMatchObject({ kind: "token.revoked", sequence: 1 });
  expect(received[0]!.headers).toMatchObject({ "boma-event": "token.revoked", "boma-notifier": "ops" });
  await expect
    .poll(() => bench.listed(), POLL)
    .toMatchObject({ state: "ok", delivered: 20, waiting: 0, dead: 0 });
});

test("a receiver verifies with the shared secret that a delivery is the master's, and that it is not an old one", async () => {
  await using receiver = await Receiver.start();
  await using bench = await NotifyBench.start(ops(receiver.url, ', secret: secret("file:/s/hook")'));
  bench.secrets["file:/s/hook"] = "a-long-shared-secret";
  await bench.tell(1);
  const [{ headers, body }] = (await receiver.until(({ length }) => length >= 1)) as [Received];
  const [, at = "", given = ""] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["boma-signature"])) ?? [];
  const wanted = createHmac("sha256", "a-long-shared-secret").update(`${at}.${body}`).digest();
  expect(timingSafeEqual(wanted, Buffer.from(given, "hex"))).toBe(true);
  expect(Math.abs(Date.now() / 1000 - Number(at))).toBeLessThan(300);
});

test("what a receiver that is down did not get it gets when it is back, in order, none missing and none twice", async () => {
  await using receiver = await Receiver.start();
  await using bench = await NotifyBench.start(
    `ops: { on: "token.*", to: webhook({ url: "${receiver.url}" }), retry: { attempts: 50, first: "20ms" } }`,
  );
  await receiver.down();
  await bench.tell(30);
  await expect.poll(() => bench.listed(), POLL).toMatchObject({ state: "down", waiting: 30 });
  await receiver.up();
  const received = await receiver.until(({ length }) => length >= 30);
  await expect
    .poll(() => bench.listed(), POLL)
    .toMatchObject({ state: "ok", delivered: 30, waiting: 0, dead: 0 });
  expect(new Set(tokens(received)).size).toBe(30);
  expect(receiver.ids).toHaveLength(30);
  // The first that arrived showed that it is back; from there on they come as they were told.
  const rest = tokens(received)
    .slice(1)
    .map((token) => Number(token.slice(1)));
  expect(rest).toEqual(rest.toSorted((a, b) => a - b));
  expect(await told(bench, "notification.*")).toMatchObject([
    {
      kind: "notification.failed",
      data: { notifier: "ops", attempt: 1, error: "the connection failed: ECONNREFUSED" },
    },
  ]);
});

test("one event that the receiver always fails on holds up no other, and ends in the list of the dead", async () => {
  await using receiver = await Receiver.start();
  receiver.behave = (received, response) =>
    answer(tokenOf(received) === "t1" ? 500 : 200)(received, response);
  await using bench = await NotifyBench.start(ops(receiver.url));
  await bench.tell(5);
  await dead(bench, 1);
  const received = await receiver.until((all) => new Set(tokens(all)).size === 5);
  expect(tokens(received).filter((token) => token === "t1")).toHaveLength(3);
  expect(tokens(received).filter((token) => token !== "t1")).toEqual(["t0", "t2", "t3", "t4"]);
  const [delivery] = bench.notifications.dead();
  expect(delivery).toMatchObject({ notifier: "ops", attempts: 3, error: "the receiver answered 500" });
  expect(new Set(receiver.ids).size).toBe(5);
  expect((await told(bench, "notification.*")).map(({ kind }) => kind)).toContain("notification.dead");
});

test("what the receiver refuses as such is dead at once, and is sent again when an operator says so", async () => {
  await using receiver = await Receiver.start();
  receiver.behave = answer(422);
  await using bench = await NotifyBench.start(ops(receiver.url));
  await bench.tell(2);
  await dead(bench, 2);
  expect(receiver.received).toHaveLength(2);
  receiver.behave = answer(200);
  expect(await bench.notifications.retry(bench.notifications.dead()[0]!.id)).toEqual({ again: 1, gone: 0 });
  await receiver.until(({ length }) => length >= 3);
  await dead(bench, 1);
  expect(await bench.notifications.retry(undefined)).toEqual({ again: 1, gone: 0 });
  await receiver.until(({ length }) => length >= 4);
  expect(new Set(receiver.ids).size).toBe(2);
  await expect.poll(() => bench.listed(), POLL).toMatchObject({ delivered: 2, dead: 0, state: "ok" });
  await expect(bench.notifications.retry("nobody")).rejects.toMatchObject({ code: "notify/unknown" });
});

const closesMidAnswer: Behaviour = (_, response) => {
  response.writeHead(200, { "content-length": "1000" });
  response.write("half", () => response.destroy());
};
const endless: Behaviour = (_, response) => {
  response.writeHead(200);
  const more = () => {
    while (!response.destroyed && response.write("x".repeat(65_536)));
    if (!response.destroyed) response.once("drain", more);
  };
  more();
};

test.each([
  ["closes in the middle of its answer", closesMidAnswer],
  ["answers without an end", endless],
])("a receiver that took it and then %s has it: it is not sent again", async (_, behave) => {
  await using receiver = await Receiver.start();
  receiver.behave = behave;
  await using bench = await NotifyBench.start(ops(receiver.url));
  await bench.tell(2);
  await expect.poll(() => bench.listed(), POLL).toMatchObject({ delivered: 2, state: "ok" });
  expect(receiver.received).toHaveLength(2);
});

const refuse: Behaviour = (_, response) => void response.destroy();

test.each([
  ["hangs", hang, "no answer within 500 ms"],
  ["hangs up without a word", refuse, "the connection failed: ECONNRESET"],
  [
    "sends elsewhere",
    answer(302, { location: "/elsewhere" }),
    "the receiver answered 302, and redirects are not followed",
  ],
  ["knows no such address", answer(404), "the receiver answered 404"],
])("a receiver that %s is tried again and then given up, with the reason", async (_, behave, error) => {
  await using receiver = await Receiver.start();
  receiver.behave = behave;
  await using bench = await NotifyBench.start(ops(receiver.url));
  await bench.tell(1);
  await dead(bench, 1);
  expect(bench.notifications.dead()[0]).toMatchObject({ attempts: 3, error });
  expect(receiver.received.map(({ path }) => path)).toEqual(["/hook", "/hook", "/hook"]);
});

test("a receiver whose certificate is not known gets nothing; one whose authority is named does", async () => {
  const ca = await createCa();
  const pair = await issueServerCertificate(ca, { dns: ["localhost"], ips: ["127.0.0.1"] });
  await using receiver = await Receiver.start({ key: pair.privateKey, cert: pair.certificate });
  await using bench = await NotifyBench.start(
    `${ops(receiver.url)}, own: { on: "token.*", to: webhook({ url: "${receiver.url}", ca: ${JSON.stringify(ca.certificate)} }) }`,
  );
  await bench.tell(1);
  await dead(bench, 1);
  expect(bench.notifications.dead()[0]!.notifier).toBe("ops");
  expect(bench.notifications.dead()[0]!.error).toMatch(/^the connection failed: .*(CERT|SIGN|ISSUER)/);
  await expect.poll(() => bench.listed("own"), POLL).toMatchObject({ delivered: 1 });
  expect(receiver.received).toHaveLength(1);
});

test("a flood becomes a few deliveries and one that counts the rest, and nothing of it is left out", async () => {
  await using receiver = await Receiver.start();
  await using bench = await NotifyBench.start(
    `ops: { on: "token.*", to: webhook({ url: "${receiver.url}" }), limit: "3/s", timeout: "5s" }`,
  );
  await bench.tell(60);
  interface Told {
    readonly digest?: { readonly count: number; readonly lines: readonly string[] };
  }
  const countOf = ({ body }: Received) => (JSON.parse(body) as Told).digest?.count ?? 1;
  const received = await receiver.until((all) => all.reduce((sum, one) => sum + countOf(one), 0) >= 60);
  expect(received.reduce((sum, one) => sum + countOf(one), 0)).toBe(60);
  expect(received.length).toBeLessThan(20);
  expect(tokens(received.slice(0, 3))).toEqual(["t0", "t1", "t2"]);
  expect(new Set(receiver.ids).size).toBe(received.length);
});

test("only what the condition means is told, and a new notifier begins with what happens from now on", async () => {
  await using receiver = await Receiver.start();
  await using bench = await NotifyBench.start(
    `ops: { on: ["token.*", "secret.*"], where: { "data.token": ["t3", "t5*"] }, to: webhook({ url: "${receiver.url}" }) }`,
  );
  await bench.tell(6);
  await receiver.until(({ length }) => length >= 2);
  bench.site.write(
    "notifications.ts",
    `import { notifications, webhook } from "@boma/states";
     export default notifications({ late: { on: "token.*", to: webhook({ url: "${receiver.url}" }) } });\n`,
  );
  await bench.notifications.sync();
  expect(await bench.listed("ops")).toBeUndefined();
  await bench.tell(1, 6);
  const received = await receiver.until(({ length }) => length >= 3);
  expect(tokens(received)).toEqual(["t3", "t5", "t6"]);
});

test("a notifier that tells of another's failures is not told of its own", async () => {
  const once = 'retry: { attempts: 1 }, to: webhook({ url: "http://127.0.0.1:1/" })';
  await using bench = await NotifyBench.start(
    ["a", "b"].map((name) => `${name}: { on: ["token.*", "notification.*"], ${once} }`).join(", "),
  );
  await bench.tell(1);
  // Each gives up the token and what it is told of the other, and that is the end of it.
  await dead(bench, 6);
  const kinds = (await told(bench, "notification.*")).map(({ kind }) => kind);
  expect(kinds.toSorted()).toEqual([
    "notification.dead",
    "notification.dead",
    "notification.failed",
    "notification.failed",
  ]);
});
