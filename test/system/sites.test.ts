// Goal: a site with a nats-server of its own: its nodes speak to the centre through it, its line may be cut, and it is
// held to the nodes of its site.
// Method: two such sites, real nats-servers that the command set up, and a line to the centre that can be cut;
// a site's server in a stranger's hands is another nats-server with the same credentials.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { addressOf, subjects } from "@boma/protocol";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import { connectMaster } from "../../packages/master/src/bus/connect.ts";
import { issueSystemUser, parseBusTrust, type SiteAccount } from "../../packages/master/src/bus/trust.ts";
import { Fleet } from "../support/fleet.ts";
import { freePorts } from "../support/free-ports.ts";
import { busOwner, identityOf } from "../support/hostile.ts";
import { serverPrograms } from "../support/nats.ts";
import { OwnBus } from "../support/own-bus.ts";
import { TestProcess } from "../support/process.ts";
import { Relay } from "../support/relay.ts";
import type { Failure, RunDocument } from "../support/run.ts";
import { SiteServer } from "../support/site-server.ts";

let fleet: Fleet;
let centre: OwnBus;
let line: Relay;
let fra: SiteServer;
let ber: SiteServer;

const views = async () => (await fleet.json<NodeView[]>("nodes")).value;
const viewOf = async (id: string) => (await views()).find((node) => node.id === id);
const keyOf = async (id: string) => (await viewOf(id))!.key;
const run = (...words: readonly string[]) => fleet.json<RunDocument>("run", ...words);
/** Where an agent has its bus now, as it says itself. */
const busOf = (id: string): string =>
  (JSON.parse(readFileSync(join(fleet.dir, id, "boma/agent/status.json"), "utf8")) as { master: string })
    .master;
const isAt = async (id: string, url: string) => {
  await expect.poll(() => busOf(id)).toContain(url.replace(/^\w+:\/\//, ""));
};
const isThere = async (id: string) => {
  await expect.poll(async () => (await viewOf(id))?.connected).toBe(true);
};
const serve = () => fleet.serve("--nats", centre.url);
const restartMaster = async () => {
  await fleet.master.stop();
  await serve();
};

const restartWeb02 = async () => {
  await fleet.agents.get("web-02")!.stop();
  await fleet.restart("web-02", { noToken: true });
};

beforeAll(async () => {
  fleet = await Fleet.prepare();
  const leafPort = (await freePorts(1))[0]!;
  line = await Relay.to(leafPort);
  // Whoever connects is told where the centre takes sites: by the line that can be cut.
  const leafnodes = `leafnodes { listen: "127.0.0.1:${leafPort}", advertise: "127.0.0.1:${line.port}" }`;
  centre = await OwnBus.start(fleet, leafnodes);
  await serve();
  await fleet.agent("web-01", { env: "dev" });
  await fleet.agent("web-02", { env: "dev" });
  await fleet.ok("assign", "web-01", "site=fra");
  fra = await SiteServer.make(fleet, "fra", line.port);
  ber = await SiteServer.make(fleet, "ber", line.port);
  await fra.start();
  await ber.start();
});
afterAll(async () => {
  await fra?.[Symbol.asyncDispose]();
  await ber?.[Symbol.asyncDispose]();
  line?.[Symbol.dispose]();
  await centre?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
});

describe("a node whose site gets a server", () => {
  test("goes there with the key that it has and the work that waits for it", async () => {
    const key = await keyOf("web-01");
    await fleet.agents.get("web-01")!.stop();
    await fleet.event("node.disconnected", ({ id }) => id === "web-01");
    const queued = await run("web-01", "test.ping");
    expect(queued.code).toBe(5);
    await restartMaster();
    await fleet.restart("web-01", { noToken: true });
    await isAt("web-01", fra.url);
    await fleet.event("job.returned", ({ job, id }) => job === queued.value.job && id === "web-01");
    expect(await keyOf("web-01")).toBe(key);
    await expect.poll(async () => (await run("env:dev", "test.ping")).code).toBe(0);
    expect(await viewOf("web-01")).toMatchObject({ connected: true, assigned: { site: "fra" } });
  });

  test("goes to another site while it runs, and back, and finds the jobs that were there before it", async () => {
    for (const [site, url] of [
      ["ber", ber.url],
      ["fra", fra.url],
    ] as const) {
      await fleet.ok("assign", "web-01", `site=${site}`);
      await isAt("web-01", url);
      await fleet.event("node.connected", ({ id }) => id === "web-01");
      await expect.poll(async () => (await run("web-01", "test.ping")).code).toBe(0);
    }
    await fleet.ok("assign", "web-01", "site-");
    await isAt("web-01", fleet.servers[0]!);
    await expect.poll(async () => (await run("web-01", "test.ping")).code).toBe(0);
    await fleet.ok("assign", "web-01", "site=fra");
    await isAt("web-01", fra.url);
  });

  test("comes back to ask again where that server cannot be reached", async () => {
    await ber.stop();
    await fleet.ok("assign", "web-02", "site=ber");
    const agent = fleet.agents.get("web-02")!;
    await agent.line(/this node's bus is elsewhere/);
    await agent.line(/"msg":"not connected"/);
    await fleet.ok("assign", "web-02", "site-");
    await isAt("web-02", fleet.servers[0]!);
    await expect.poll(async () => (await run("web-02", "test.ping")).code).toBe(0);
    await ber.start();
  });
});

test("a machine that reaches nothing but its site's server is let in there, and applies what its catalog says", async () => {
  const { joinToken } = await fleet.token("--env", "dev", "--assign", "site=fra");
  await fleet.agent("fra-01", { token: joinToken });
  expect(identityOf(join(fleet.dir, "fra-01")).kit.servers).toEqual([fra.url]);
  await isAt("fra-01", fra.url);
  expect((await run("fra-01", "file.managed", "/seen", "contents=here")).code).toBe(0);
  expect(readFileSync(join(fleet.dir, "fra-01/seen"), "utf8")).toBe("here");
});

describe("a line that is cut", () => {
  test("is no end for the site's nodes: what they had to tell and what they were told comes when it is back", async () => {
    await isThere("web-01");
    await using owner = await busOwner(fleet);
    const posted = owner.subscribe(subjects.mail(addressOf(await keyOf("web-01"), "fra")), { max: 1 });
    await owner.flush();
    const cutAt = Date.now();
    line.cut();
    await fleet.event("site.disconnected", ({ at, data }) => at >= cutAt && data["site"] === "fra");
    expect(await fleet.ok("status")).toMatch(
      /^site +fra: \d of 2 nodes connected, its server is cut off for/m,
    );
    const queued = run("web-01", "file.managed", "/queued", "contents=here", "--timeout", "60s");
    for await (const _ of posted); // It is in the mailbox, and nobody was there to hear of it.
    // A machine starts at its site, as after a loss of power: the centre hears nothing of it.
    await fleet.agents.get("fra-01")!.stop();
    await fleet.agent("fra-01", { noToken: true, waitFor: /"msg":"connecting"/ });
    line.mend();
    expect((await queued).code).toBe(0);
    await fleet.event("site.connected", ({ at, data }) => at >= cutAt && data["site"] === "fra");
    expect(await fleet.ok("status")).toMatch(/^site +fra: .*its server is connected for/m);
    await fleet.event("node.started", ({ id, data }) => id === "fra-01" && data["start"] === 2);
    await expect.poll(async () => (await run("site:fra", "test.ping")).code).toBe(0);
  });
});

test("who is revoked while the line is cut is out when it is back", async () => {
  const { joinToken } = await fleet.token("--env", "dev", "--assign", "site=fra");
  const agent = await fleet.agent("fra-02", { token: joinToken });
  line.cut();
  await fleet.ok("revoke", "fra-02");
  line.mend();
  await agent.line(/"msg":"the bus refused this node's credential"/);
});

describe("a site's server in a stranger's hands", () => {
  let hostile: Stranger;
  beforeAll(async () => {
    hostile = await Stranger.at(join(fra.dir, "way.creds"), line.port);
  });
  afterAll(() => hostile?.[Symbol.asyncDispose]());

  test("hears what is for its own nodes, and nothing that is for others", async () => {
    const heard: string[] = [];
    hostile.line.subscribe(">", { callback: (_, { subject }) => void heard.push(subject) });
    await hostile.line.flush();
    const [own, other] = [await keyOf("web-01"), await keyOf("web-02")];
    // Its line was cut in the test before: the servers are asked who is there.
    await isThere("web-01");
    await run("web-02", "test.ping");
    await run("web-01", "test.ping");
    await expect.poll(() => heard).toContain(subjects.mail(own));
    expect(heard.filter((subject) => subject.includes(other))).toEqual([]);
    const read = (key: string) =>
      hostile.line.request(subjects.readMail(key), "", { timeout: 2_000 }).then(
        ({ headers, data }) => headers?.code || data.length,
        () => "nobody",
      );
    expect(await read(own)).toBeGreaterThan(0);
    expect(await read(other)).toBe(404);
  });

  test("says nothing in the name of others, and fills no inbox but that of its site", async () => {
    const other = await keyOf("web-02");
    for (let at = 0; at < 50; at++) hostile.line.publish(subjects.inbox(other, "event"), "a word");
    await hostile.line.flush();
    const refused = await fleet.event("message.refused", ({ data }) =>
      String(data["subject"]).includes(other),
    );
    expect(refused.data["subject"]).toBe(subjects.inbox(`fra.${other}`, "event"));
    expect((await run("web-02", "test.ping")).code).toBe(0);
  });

  test("does not reach what is no business of a site", async () => {
    const asked = (subject: string) =>
      hostile.line.request(subject, "", { timeout: 1_000 }).then(
        () => "answered",
        () => "nobody",
      );
    for (const subject of [
      "$JS.API.STREAM.NAMES",
      "$JS.API.DIRECT.GET.MAILBOX.boma.mail.x",
      subjects.api(await keyOf("web-01"), "nodes-list"),
    ])
      expect(await asked(subject), subject).toBe("nobody");
  });
});

describe("its part of the system account in a stranger's hands", () => {
  let hostile: Stranger;
  let accounts: ReadonlyMap<string, SiteAccount>;
  beforeAll(async () => {
    hostile = await Stranger.at(join(fra.dir, "system.creds"), line.port);
    const { agents } = parseBusTrust(readFileSync(join(fleet.home, "master/keys/bus.json"), "utf8"));
    accounts = new Map(agents.map((account) => [account.site, account]));
  });
  afterAll(() => hostile?.[Symbol.asyncDispose]());

  /** What a server of that site would say of a client's coming and going. */
  const says = (site: string, kind: "CONNECT" | "DISCONNECT", { server, client }: Live): void => {
    const { account, signer } = accounts.get(site)!;
    const event = { server, client: { ...client, issuer_key: signer.publicKey }, reason: "it says so" };
    hostile.line.publish(`$SYS.ACCOUNT.${account.publicKey}.${kind}`, JSON.stringify(event));
  };

  test("tells nothing of who comes and goes elsewhere", async () => {
    const heard: string[] = [];
    hostile.line.subscribe("$SYS.ACCOUNT.>", { callback: (_, { subject }) => void heard.push(subject) });
    hostile.line.subscribe("$SYS.SERVER.ACCOUNT.>", {
      callback: (_, { subject }) => void heard.push(subject),
    });
    await hostile.line.flush();
    await restartWeb02();
    await run("web-02", "test.ping");
    expect(heard).toEqual([]);
  });

  test("makes nobody come or go who is not of its site", async () => {
    const key = await keyOf("web-02");
    const { server, client } = await asTheServerSaysIt(key);
    const seen = (): Promise<number | null> => run("web-02", "test.ping").then(({ code }) => code);
    expect(await seen()).toBe(0);
    says("default", "DISCONNECT", { server, client });
    says("fra", "DISCONNECT", { server, client });
    await hostile.line.flush();
    expect(await seen()).toBe(0);
    await fleet.agents.get("web-02")!.stop();
    await fleet.event("node.stopping", ({ id }) => id === "web-02");
    await expect.poll(seen).toBe(5);
    says("default", "CONNECT", { server, client });
    says("fra", "CONNECT", { server, client });
    await hostile.line.flush();
    expect(await seen()).toBe(5);
    expect(await viewOf("web-02")).toMatchObject({ connected: false });
    await fleet.restart("web-02", { noToken: true });
  });
});

test("who is revoked is cut off at its site at once, and kept out there", async () => {
  await fleet.ok("revoke", "fra-01");
  await fleet.agents.get("fra-01")!.line(/"msg":"(the bus refused this node's credential|not connected)"/);
  expect((await views()).find(({ id }) => id === "fra-01")?.status).not.toBe("approved");
});

test("beyond loopback both lines speak TLS, by the authority that nodes pin", async () => {
  const [port] = await freePorts(1);
  const sites = ["--site-listen", `0.0.0.0:${port}`];
  await using far = await Fleet.prepare({ listen: "0.0.0.0:0", serve: ["--name", "localhost", ...sites] });
  await using site = await SiteServer.make(far, "far", port!, "tls");
  await far.serve();
  await site.start();
  const { joinToken } = await far.token("--env", "dev", "--assign", "site=far");
  await far.agent("far-01", { token: joinToken });
  await expect.poll(async () => (await far.run("run", "site:far", "test.ping")).code).toBe(0);
  // The same server without a certificate of that authority is nobody's.
  const { ca: _, ...kit } = identityOf(join(far.dir, "far-01")).kit;
  await expect(connect({ servers: kit.servers[0]!, tls: {}, reconnect: false })).rejects.toThrow(
    /certificate/i,
  );
});

describe("the command", () => {
  test("makes other credentials when it is said again, those before are void, and its nodes learn of other addresses", async () => {
    const again = join(fleet.dir, "fra-again");
    const at = `nats://127.0.0.1:${line.port}`;
    const other = "nats://127.0.0.1:1";
    await fleet.ok("site-server", "fra", "--url", fra.url, "--url", other, "--centre", at, "--out", again);
    await restartMaster();
    await expect.poll(async () => (await run("web-01", "test.ping")).code).not.toBe(0);
    await fra.stop();
    await fra.start();
    await fra.said(/Authorization Violation/);
    await fra.stop();
    fra.dir = again;
    await fra.start();
    await expect.poll(async () => (await run("web-01", "test.ping")).code).toBe(0);
    const known = () => readFileSync(join(fleet.dir, "web-01/boma/agent/identity.json"), "utf8");
    await expect.poll(known).toContain(new URL(other).host);
  });

  test.for([
    [["fra", "--centre", "nats://127.0.0.1:1", "--out", "x"], /--url is missing/],
    [["fra", "--url", "nats://127.0.0.1:1", "--out", "x"], /--centre is missing/],
    [
      ["Fra!", "--url", "nats://127.0.0.1:1", "--centre", "nats://127.0.0.1:1", "--out", "x"],
      /a site is named/,
    ],
    [
      ["default", "--url", "nats://127.0.0.1:1", "--centre", "nats://127.0.0.1:1", "--out", "x"],
      /another name/,
    ],
    [
      ["x", "--url", "http://a:1", "--centre", "nats://127.0.0.1:1", "--out", "x"],
      /no address of a nats-server/,
    ],
    [["x", "--url", "tls://a:1", "--centre", "nats://127.0.0.1:1", "--out", "x"], /either all of them/],
    [
      ["x", "--url", "nats://127.0.0.1:1", "--centre", "nats://127.0.0.1:1", "--out", "/"],
      /is there already/,
    ],
  ] as const)("says what is wrong with %j", async ([words, wrong]) => {
    const before = readFileSync(join(fleet.home, "master/keys/bus.json"), "utf8");
    const { code, value } = await fleet.json<Failure>("site-server", ...words);
    expect(code).toBe(2);
    expect(JSON.stringify(value)).toMatch(wrong);
    expect(readFileSync(join(fleet.home, "master/keys/bus.json"), "utf8")).toBe(before);
  });
});

interface Live {
  readonly server: { readonly id: string };
  readonly client: { readonly id: number; readonly user: string; readonly host: string };
}

/** A node's connection, word for word as the centre's own server tells of it. */
async function asTheServerSaysIt(key: string): Promise<Live> {
  const trust = parseBusTrust(readFileSync(join(fleet.home, "master/keys/bus.json"), "utf8"));
  await using system = await connectMaster(fleet.servers[0]!, await issueSystemUser(trust));
  const told = system.subscribe(`$SYS.ACCOUNT.*.CONNECT`);
  await system.flush();
  await restartWeb02();
  for await (const message of told) {
    const event = message.json<Live>();
    if (event.client.user === key) return event;
  }
  throw new Error("nobody told of it");
}

/** A nats-server without any of boma's rules, on which a client may say anything, with the credentials of a site. */
class Stranger implements AsyncDisposable {
  readonly line: NatsConnection;
  readonly #server: TestProcess;

  private constructor(server: TestProcess, line: NatsConnection) {
    this.#server = server;
    this.line = line;
  }

  static async at(credentials: string, centrePort: number): Promise<Stranger> {
    const dir = mkdtempSync(join(fleet.dir, "stranger-"));
    const [port] = await freePorts(1);
    const remote = `{ urls: ["nats-leaf://127.0.0.1:${centrePort}"], credentials: "${credentials}" }`;
    const config = `listen: "127.0.0.1:${port}"\nserver_name: "stranger"\nleafnodes { remotes: [ ${remote} ] }\n`;
    writeFileSync(join(dir, "nats.conf"), config);
    const server = new TestProcess(serverPrograms[0]!.path, ["-c", "nats.conf"], { cwd: dir });
    await Promise.all([server.line(/Leafnode connection created/), server.line(/Server is ready/)]);
    return new Stranger(server, await connect({ servers: `127.0.0.1:${port}`, reconnect: false }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.line.close();
    await this.#server.stop("SIGKILL");
  }
}
