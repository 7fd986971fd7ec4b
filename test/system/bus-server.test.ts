// Goal: the server that the master brings along starts, stays, stops and guards its store.
// Method: real processes, killed and blocked; nothing is asserted from a log where the system can tell.
import { execFile, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import {
  access,
  chmod,
  constants,
  copyFile,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { createServer, connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { describe, expect, test } from "vitest";

import { serverTrust } from "../../packages/master/src/bus/accounts.ts";
import { renderExternalConfig } from "../../packages/master/src/bus/config.ts";
import { connectMaster } from "../../packages/master/src/bus/connect.ts";
import { findNatsServer, parseVersion } from "../../packages/master/src/bus/program.ts";
import { EmbeddedServer } from "../../packages/master/src/bus/server.ts";
import { ensureStreams, storageBytesMax, STREAMS } from "../../packages/master/src/bus/streams.ts";
import { createCa, issueServerCertificate } from "../../packages/master/src/bus/tls.ts";
import { createBusTrust, issueMasterUser, issueSystemUser } from "../../packages/master/src/bus/trust.ts";
import { nameOf, serverPrograms, startTestBus } from "../support/nats.ts";

const run = promisify(execFile);
const soon = { timeout: 10_000, interval: 5 };

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function scratch(): Promise<AsyncDisposable & { readonly dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), "boma-server-"));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

const settings = async (dir: string) => ({
  dir,
  host: "127.0.0.1",
  port: 0,
  trust: await serverTrust(createBusTrust()),
  storageBytesMax: storageBytesMax(),
});

describe.for(serverPrograms.map((program) => [nameOf(program), program] as const))("%s", ([, program]) => {
  test("takes connections as soon as start resolves, and setting up its streams again changes nothing", async () => {
    await using bus = await startTestBus({ program });
    const control = await bus.ctrl();
    expect(control.info?.version).toBe(program.version.join("."));
    const { streams } = await jetstreamManager(control, { checkAPI: false });
    const configs = async () => (await Array.fromAsync(streams.list())).map(({ config }) => config);
    const before = await configs();
    expect(before).toHaveLength(STREAMS.length);
    await ensureStreams(control);
    expect(await configs()).toEqual(before);
    await ensureStreams(control, { bytesMax: { EVENTS: 1024 ** 2 } });
    expect((await streams.info("EVENTS")).config.max_bytes).toBe(1024 ** 2);
  });

  test("a second server on the same store is refused and touches none of the first one's files", async () => {
    await using bus = await startTestBus({ program });
    const files = async () => [await readFile(join(bus.dir, "server.conf"), "utf8"), await readdir(bus.dir)];
    const before = await files();
    const second = EmbeddedServer.start({ ...(await settings(bus.dir)), program });
    await expect(second).rejects.toMatchObject({ code: "home/locked" });
    expect(await files()).toEqual(before);
    expect((await bus.ctrl()).isClosed()).toBe(false);
  });

  test("a directory that cannot be used is told as such", async () => {
    await using place = await scratch();
    await writeFile(join(place.dir, "file"), "");
    const start = EmbeddedServer.start({ ...(await settings(join(place.dir, "file"))), program });
    await expect(start).rejects.toMatchObject({
      code: "bus/start",
      message: expect.stringContaining("EEXIST"),
    });
  });

  test("killed, it is brought back on its port, and what was acknowledged is there", async () => {
    await using bus = await startTestBus({ program });
    const control = await bus.ctrl();
    for (let i = 0; i < 200; i++) await jetstream(control).publish(`boma.jobs.j${i}.spec`, "x");
    const { pid, url } = bus.server;
    const back = (async () => {
      for await (const status of control.status()) if (status.type === "reconnect") return;
    })();
    bus.kill();
    await expect
      .poll(() => bus.states.map(({ state }) => state), soon)
      .toEqual(["running", "restarting", "running"]);
    expect(bus.states[1]).toMatchObject({ reason: "was ended by SIGKILL" });
    expect(bus.server.pid).not.toBe(pid);
    expect(bus.url).toBe(url);
    // The old connection comes back by itself.
    await back;
    const { streams } = await jetstreamManager(control, { checkAPI: false });
    expect((await streams.info("JOBS")).state.messages).toBe(200);
  });

  test("killed again and again, it is brought back each time", async () => {
    await using bus = await startTestBus({ program });
    for (let round = 1; round <= 3; round++) {
      bus.kill();
      await expect
        .poll(() => bus.states.filter(({ state }) => state === "running").length, soon)
        .toBe(round + 1);
    }
    const waits = bus.states.flatMap((state) => (state.state === "restarting" ? [state.waitMs] : []));
    expect(waits).toEqual([100, 200, 400]);
    expect((await bus.ctrl()).isClosed()).toBe(false);
  });

  test("a stop ends the process, frees the store and is final", async () => {
    await using bus = await startTestBus({ program });
    const pid = bus.server.pid!;
    await bus.stop();
    expect(isAlive(pid)).toBe(false);
    expect(bus.states.at(-1)).toEqual({ state: "stopped" });
    expect((await readdir(bus.dir)).filter((name) => name.endsWith(".ports"))).toEqual([]);
    await bus.restart();
    expect(bus.server.pid).not.toBe(pid);
  });

  test("a stop while it is down for a restart is final too", async () => {
    await using bus = await startTestBus({ program });
    bus.kill();
    await expect.poll(() => bus.states.at(-1)?.state, { timeout: 10_000, interval: 1 }).toBe("restarting");
    await bus.stop();
    expect(bus.states.map(({ state }) => state)).toEqual(["running", "restarting", "stopped"]);
  });

  test("it does not outlive a master that is killed", async () => {
    await using place = await scratch();
    const master = spawn(process.execPath, ["--input-type=module", "-e", script(place.dir, program.path)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(master.stdout, "data")) as [Buffer];
    const pid = Number(line.toString());
    expect(isAlive(pid)).toBe(true);
    master.kill("SIGKILL");
    await expect.poll(() => isAlive(pid), soon).toBe(false);
  });

  test("a port in use is told in the server's own words", async () => {
    await using place = await scratch();
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const start = EmbeddedServer.start({ ...(await settings(place.dir)), port, program });
    await expect(start).rejects.toMatchObject({
      code: "bus/start",
      message: expect.stringContaining("address already in use"),
    });
    other.close();
  });

  test("a configuration that the server refuses is told in its own words", async () => {
    await using place = await scratch();
    const given = await settings(place.dir);
    const start = EmbeddedServer.start({
      ...given,
      trust: { ...given.trust, operator: "nonsense" },
      program,
    });
    await expect(start).rejects.toMatchObject({
      code: "bus/start",
      message: expect.stringMatching(/jwt|operator/i),
    });
  });

  test("its keys and configuration are readable by its owner only", async () => {
    await using bus = await startTestBus({ program, tls: true });
    for (const name of ["server.conf", "server.key"])
      expect((await stat(join(bus.dir, name))).mode & 0o077).toBe(0);
  });

  test("with TLS, the pinned authority is accepted and any other refused", async () => {
    await using bus = await startTestBus({ program, tls: true });
    expect((await bus.ctrl()).isClosed()).toBe(false);
    const user = await issueMasterUser(bus.trust);
    const other = await createCa();
    await expect(connectMaster(bus.url, user, { ca: other.certificate })).rejects.toMatchObject({
      code: "bus/unreachable",
    });
    // Without a pin the system's authorities are asked, and they know nothing of it.
    await expect(connectMaster(bus.url, user)).rejects.toMatchObject({ code: "bus/unreachable" });
    // The right authority, but a name that is not in the certificate.
    const elsewhere = bus.url.replace("127.0.0.1", "127.0.0.2");
    await expect(connectMaster(elsewhere, user, { ca: bus.ca })).rejects.toMatchObject({
      code: "bus/unreachable",
    });
  });

  test("with TLS, a client that speaks in plain gets no answer to its credential", async () => {
    await using bus = await startTestBus({ program, tls: true });
    const socket = dial(bus.server.port, "127.0.0.1");
    const [info] = (await once(socket, "data")) as [Buffer];
    expect(info.toString()).toMatch(/"tls_required":true/);
    let said = "";
    socket.on("data", (data: Buffer) => (said += data.toString("latin1")));
    socket.on("error", () => undefined);
    socket.write(`CONNECT {"verbose":true,"jwt":"x","sig":"x"}\r\nPING\r\n`);
    await once(socket, "close");
    expect(said).not.toMatch(/OK|PONG/);
  });

  test("a client that demands TLS hangs up on a plain server before it sends its credential", async () => {
    const { certificate } = await createCa();
    const heard: string[] = [];
    const plain = createServer((socket) => {
      socket.write(
        `INFO ${JSON.stringify({ server_id: "x", version: "2.9.10", proto: 1, nonce: "abcdefghijk", max_payload: 1048576, headers: true })}\r\n`,
      );
      socket.on("data", (data) => heard.push(data.toString()));
      socket.on("error", () => undefined);
    }).listen(0, "127.0.0.1");
    await once(plain, "listening");
    const { port } = plain.address() as { port: number };
    const user = await issueMasterUser(createBusTrust());
    await expect(connectMaster(`nats://127.0.0.1:${port}`, user, { ca: certificate })).rejects.toMatchObject({
      code: "bus/unreachable",
      message: expect.stringContaining("does not support 'tls'"),
    });
    await expect(connectMaster(`tls://127.0.0.1:${port}`, user)).rejects.toMatchObject({
      code: "bus/unreachable",
    });
    expect(heard).toEqual([]);
    plain.close();
  });

  test("a credential of another trust is refused as such, and a silent port as unreachable", async () => {
    await using bus = await startTestBus({ program });
    const foreign = createBusTrust();
    for (const user of [await issueMasterUser(foreign), await issueSystemUser(foreign)])
      await expect(connectMaster(bus.url, user)).rejects.toMatchObject({ code: "bus/refused" });
    await expect(connectMaster("nats://127.0.0.1:1", await issueMasterUser(foreign))).rejects.toMatchObject({
      code: "bus/unreachable",
    });
  });

  test("a server with the printed configuration is boma's bus", async () => {
    await using place = await scratch();
    const trust = createBusTrust();
    const file = join(place.dir, "own.conf");
    const printed = renderExternalConfig(await serverTrust(trust));
    await writeFile(
      file,
      `${printed.replace("./boma-accounts", join(place.dir, "accounts"))}\nhost: "127.0.0.1"\nport: -1\njetstream { store_dir: "${place.dir}/js", max_file_store: ${storageBytesMax()} }\n`,
    );
    const server = spawn(program.path, ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
    try {
      // The port stands in the log before the server says that it is ready; its ports file comes at some time after that.
      let log = "";
      for await (const part of server.stderr) {
        log += String(part);
        if (log.includes("Server is ready")) break;
      }
      const [, address] = /Listening for client connections on (\S+)/.exec(log)!;
      const control = await connectMaster(`nats://${address}`, await issueMasterUser(trust));
      await ensureStreams(control);
      await control.close();
    } finally {
      server.kill("SIGKILL");
      await once(server, "exit");
    }
  });
});

test("certificates are valid for a clock at 1970 and for one far ahead", async () => {
  const ca = await createCa();
  const leaf = await issueServerCertificate(ca, { dns: ["boma.example"], ips: ["10.0.0.1", "fd00::1"] });
  const [authority, server] = [new X509Certificate(ca.certificate), new X509Certificate(leaf.certificate)];
  for (const certificate of [authority, server]) {
    expect(Date.parse(certificate.validFrom)).toBe(0);
    expect(new Date(certificate.validTo).getUTCFullYear()).toBe(2099);
  }
  expect(authority.ca).toBe(true);
  expect(server.ca).toBe(false);
  expect(server.checkIssued(authority) && server.verify(authority.publicKey)).toBe(true);
  expect(server.subjectAltName).toMatch(/DNS:boma\.example, IP Address:10\.0\.0\.1, IP Address:FD00/i);
});

test("versions are read and a program that is none is refused", async () => {
  expect(parseVersion("nats-server: v2.9.10")).toEqual([2, 9, 10]);
  expect(parseVersion("nats-server: v2.11.0-RC.1")).toEqual([2, 11, 0]);
  expect(parseVersion("something else")).toBeUndefined();
  const before = process.env["BOMA_NATS_SERVER"];
  try {
    for (const path of ["/bin/true", "/nonexistent"]) {
      process.env["BOMA_NATS_SERVER"] = path;
      await expect(findNatsServer()).rejects.toMatchObject({ code: "bus/missing" });
    }
  } finally {
    if (before === undefined) delete process.env["BOMA_NATS_SERVER"];
    else process.env["BOMA_NATS_SERVER"] = before;
  }
});

/** A master of its own process that starts a server, says its process id and waits. */
function script(dir: string, program: string): string {
  const module = (name: string) => JSON.stringify(busModule(name));
  return `
    import { EmbeddedServer } from ${module("server")};
    import { inspectProgram } from ${module("program")};
    import { serverTrust } from ${module("accounts")};
    import { createBusTrust } from ${module("trust")};
    const server = await EmbeddedServer.start({
      dir: ${JSON.stringify(dir)}, host: "127.0.0.1", port: 0, storageBytesMax: 1e9,
      trust: await serverTrust(createBusTrust()), program: await inspectProgram(${JSON.stringify(program)}),
    });
    process.on("SIGTERM", () => server.stop());
    console.log(server.pid);
  `;
}

const busModule = (name: string): string =>
  fileURLToPath(new URL(`../../packages/master/src/bus/${name}.ts`, import.meta.url));

const NOBODY = "65534";
const asNobody = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
const isRoot = process.getuid?.() === 0;
// Where the checkout is closed to others, an ordinary user cannot run it either.
const nobodyMay = isRoot
  ? await run("setpriv", [...asNobody, "test", "-r", busModule("server"), "-a", "-x", process.execPath]).then(
      () => true,
      () => false,
    )
  : false;
if (isRoot && !nobodyMay) console.log("bus tests: the checkout is closed to ordinary users, so none runs it");

test.for(nobodyMay ? ["an ordinary user"] : [])("%s can run it", async () => {
  await using place = await scratch();
  const copy = join(place.dir, "nats-server");
  await copyFile(serverPrograms[0]!.path, copy);
  await chmod(copy, 0o755);
  await chmod(place.dir, 0o777);
  const dir = join(place.dir, "bus");
  const master = spawn(
    "setpriv",
    [...asNobody, process.execPath, "--input-type=module", "-e", script(dir, copy)],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, HOME: place.dir },
    },
  );
  const [line] = (await once(master.stdout, "data")) as [Buffer];
  const pid = Number(line.toString());
  expect((await stat(join(dir, "server.conf"))).uid).toBe(Number(NOBODY));
  await access(join(dir, "streams"), constants.R_OK);
  master.kill("SIGTERM");
  expect(await once(master, "exit")).toEqual([0, null]);
  expect(isAlive(pid)).toBe(false);
});
