/** Programs of Debian that an image is made with: argv only, bounded output, and their own words where they fail. */
import { spawn } from "node:child_process";

import { BomaError } from "@boma/protocol";

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const SAID_CHARS_MAX = 2000;

/** Program → the package that brings it, for whoever lacks one. */
const PACKAGES: Readonly<Record<string, string>> = {
  "apt-get": "apt",
  "apt-cache": "apt",
  "dpkg-deb": "dpkg",
  tar: "tar",
  depmod: "kmod",
  mksquashfs: "squashfs-tools",
  openssl: "openssl",
  dnsmasq: "dnsmasq-base",
};

const BUILDING = ["apt-get", "dpkg-deb", "tar", "depmod", "mksquashfs", "openssl"] as const;

/** Found out before minutes of work, and not after them. */
export async function assertPrograms(): Promise<void> {
  for (const name of BUILDING) await program([name, VERSION_WORD[name] ?? "--version"]);
}

const VERSION_WORD: Readonly<Record<string, string>> = { mksquashfs: "-version", openssl: "version" };

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  /** What is fed to a second program instead of being read: `dpkg-deb … | tar …`, without a shell. */
  readonly into?: readonly string[];
}

/** What it printed. Whatever it is told travels in its arguments and environment: nothing here reads standard input. */
export async function program(argv: readonly string[], { env, into }: Options = {}): Promise<string> {
  const first = start(argv, env, "ignore");
  if (!into) return first.ended;
  const second = start(into, env, "pipe");
  // A reader that has failed closes the pipe; what is worth telling is its own failure.
  second.child.stdin!.on("error", () => undefined);
  first.child.stdout!.pipe(second.child.stdin!);
  const [written, read] = await Promise.allSettled([first.ended, second.ended]);
  if (read.status === "rejected") throw read.reason;
  if (written.status === "rejected") throw written.reason;
  return read.value;
}

function start(argv: readonly string[], env: Options["env"], stdin: "ignore" | "pipe") {
  const [name, ...args] = argv as [string, ...string[]];
  const child = spawn(name, args, {
    stdio: [stdin, "pipe", "pipe"],
    env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C.UTF-8", TZ: "UTC", ...env },
  });
  return { child, ended: endOf(child, name) };
}

function endOf(child: ReturnType<typeof spawn>, name: string): Promise<string> {
  const out: Buffer[] = [];
  let bytes = 0;
  let said = "";
  child.stdout!.on("data", (data: Buffer) => {
    bytes += data.length;
    if (bytes <= OUTPUT_BYTES_MAX) out.push(data);
  });
  child.stderr!.on("data", (data: Buffer) => (said = (said + data.toString()).slice(-SAID_CHARS_MAX)));
  return new Promise((resolve, reject) => {
    child.on("error", (cause: NodeJS.ErrnoException) => reject(missing(name, cause)));
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString());
      const how = signal === null ? `ended with ${code}` : `was ended by ${signal}`;
      reject(new BomaError("image/build", `${name} ${how}: ${said.trim() || "it said nothing"}`));
    });
  });
}

function missing(name: string, cause: NodeJS.ErrnoException): BomaError {
  if (cause.code !== "ENOENT")
    return new BomaError("image/build", `${name} cannot be started: ${cause.message}`, { cause });
  const brings = PACKAGES[name] ?? name;
  return new BomaError("image/program", `${name} is not on this machine`, {
    hint: `Install it: apt-get install ${brings}`,
  });
}
