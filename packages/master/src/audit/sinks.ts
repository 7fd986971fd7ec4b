/** Where records can go: a syslog server (RFC 5424), this host's syslog, Loki's push API, a file of lines. */
import { spawn } from "node:child_process";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { hostname } from "node:os";

import { BomaError } from "@boma/protocol";

import { appendSynced, cutShortEnd, headLines } from "./head-book.ts";
import { numberOf } from "./remote.ts";
import type { AuditSink } from "./send.ts";

/** Facility 13, log audit; severity notice. */
const PRIORITY = 13 * 8 + 5;
const APP = "boma-audit";
/** What one datagram may carry; longer records are cut there, and say so. */
const DATAGRAM_BYTES_MAX = 60_000;
const TAKEN_MS_MAX = 15_000;

export async function sinkOf(to: string): Promise<AuditSink> {
  if (to.startsWith("unix:")) return localSyslog(to.slice("unix:".length));
  const [, scheme, rest = ""] = /^([a-z+]+):\/\/(.*)$/.exec(to) ?? [];
  if (scheme === undefined) return fileSink(to);
  if (scheme === "loki+http" || scheme === "loki+https") return lokiSink(to.slice("loki+".length));
  const { host, port } = hostAndPort(to, rest);
  if (scheme === "syslog") return udpSyslog(host, port);
  if (scheme === "syslog+tcp") return tcpSyslog(host, port);
  throw new BomaError("usage/argument", `--to ${to} is no place that the audit can be sent to`, {
    hint: "syslog://HOST:PORT, syslog+tcp://HOST:PORT, unix:/dev/log, loki+http://HOST:PORT, or a file.",
  });
}

function hostAndPort(to: string, rest: string): { host: string; port: number } {
  const [, bracketed, plain, port = "514"] =
    /^(?:\[([0-9a-f:.]+)\]|([^:/[\]]+))(?::(\d{1,5}))?\/?$/i.exec(rest) ?? [];
  const host = bracketed ?? plain;
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new BomaError("usage/argument", `--to ${to} does not name HOST:PORT`);
}

/** Nothing of a record can end the header: it goes into the message as the JSON that it is, on one line. */
function syslogMessage(line: string): string {
  const { n, at, kind } = JSON.parse(line) as { n: number; at: string; kind: string };
  const id = /^[a-z-]{1,32}$/.test(kind) ? kind : "-";
  return `<${PRIORITY}>1 ${at} ${hostname()} ${APP} ${process.pid} ${id} [boma@32473 n="${n}"] ${line}`;
}

async function udpSyslog(host: string, port: number): Promise<AuditSink> {
  const socket: UdpSocket = createSocket(host.includes(":") ? "udp6" : "udp4");
  return {
    async send(lines) {
      for (const line of lines) {
        const bytes = Buffer.from(syslogMessage(line));
        const cut = bytes.length > DATAGRAM_BYTES_MAX;
        const sent = cut
          ? Buffer.concat([bytes.subarray(0, DATAGRAM_BYTES_MAX), Buffer.from("…cut")])
          : bytes;
        await new Promise<void>((resolve, reject) => {
          socket.send(sent, port, host, (error) => (error ? reject(error) : resolve()));
        });
      }
    },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** Octet counting of RFC 6587. TCP says that the other side's system has it, which is all that syslog can say. */
async function tcpSyslog(host: string, port: number): Promise<AuditSink> {
  let socket: Socket | undefined;
  const connected = async (): Promise<Socket> => {
    if (socket && !socket.destroyed && socket.writable) return socket;
    const fresh = connect({ host, port });
    fresh.on("error", () => undefined);
    // A server that hangs up says so here, and not at the next write.
    fresh.on("end", () => fresh.destroy());
    fresh.resume();
    await once(fresh, "connect", { signal: AbortSignal.timeout(TAKEN_MS_MAX) });
    return (socket = fresh);
  };
  return {
    async send(lines) {
      const to = await connected();
      const framed = lines.map((line) => {
        const message = Buffer.from(syslogMessage(line));
        return Buffer.concat([Buffer.from(`${message.length} `), message]);
      });
      await new Promise<void>((resolve, reject) => {
        to.write(Buffer.concat(framed), (error) => (error ? reject(error) : resolve()));
      });
    },
    async close() {
      if (!socket || socket.destroyed) return;
      socket.end();
      await once(socket, "close", { signal: AbortSignal.timeout(TAKEN_MS_MAX) }).catch(() => undefined);
    },
  };
}

/** Node speaks no datagrams over a path; util-linux's logger does, in the older form: journald, which has /dev/log, reads no other. */
function localSyslog(path: string): AuditSink {
  const argv = ["--socket", path, "--tag", APP, "--priority", "local6.notice", "--size", "64KiB"];
  return {
    async send(lines) {
      const logger = spawn("logger", argv, { stdio: ["pipe", "ignore", "pipe"] });
      let said = "";
      logger.stderr.on("data", (data: Buffer) => (said += data.toString()));
      logger.stdin.on("error", () => undefined);
      logger.stdin.end(lines.map((line) => `${line}\n`).join(""));
      const [code] = (await once(logger, "close")) as [number | null];
      // It says so and goes on where nobody listens.
      if (code !== 0 || said !== "") throw new Error(`logger: ${said.trim() || `exit ${code}`}`);
    },
    close: () => Promise.resolve(),
  };
}

function lokiSink(url: string): AuditSink {
  const push = new URL("/loki/api/v1/push", url);
  return {
    async send(lines) {
      const byKind = new Map<string, [string, string][]>();
      for (const line of lines) {
        const { at, kind, n } = JSON.parse(line) as { at: string; kind: string; n: number };
        // Records of one millisecond keep their order by their numbers.
        const time = `${BigInt(Date.parse(at)) * 1_000_000n + BigInt(n % 1_000_000)}`;
        byKind.set(kind, [...(byKind.get(kind) ?? []), [time, line]]);
      }
      const streams = [...byKind].map(([kind, values]) => ({
        stream: { app: APP, host: hostname(), kind },
        values,
      }));
      const response = await fetch(push, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ streams }),
        redirect: "error",
        signal: AbortSignal.timeout(TAKEN_MS_MAX),
      });
      const said = (await response.text()).slice(0, 300);
      if (!response.ok) throw new Error(`${push.host} answered ${response.status} ${said}`);
    },
    close: () => Promise.resolve(),
  };
}

/** The file itself says how far it got, so nothing is in it twice. */
async function fileSink(path: string): Promise<AuditSink> {
  await cutShortEnd(path);
  const line = (await headLines(path)).at(-1);
  let last = line === undefined ? undefined : numberIn(path, line);
  return {
    get last() {
      return last;
    },
    async send(lines) {
      await appendSynced(path, lines.join("\n"));
      last = numberOf(lines.at(-1)!);
    },
    close: () => Promise.resolve(),
  };
}

function numberIn(path: string, line: string): number | undefined {
  try {
    return numberOf(line);
  } catch {
    throw new BomaError("usage/file", `the last line of ${path} is no record of the audit`, {
      hint: "Name another file, or cut that line off.",
    });
  }
}
