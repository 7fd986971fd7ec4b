/** Everything that must be so before sshd gets a configuration: what is returned is why it must not. */
import type { ReadHost } from "../../host/host.ts";
import { whyTurnedAway } from "./login-proof.ts";
import { fingerprintOf, readPublicKey } from "./public-key.ts";
import { CERTIFICATE_FILE, keywordsOf, textOf, type Want } from "./server-settings.ts";
import {
  type Effective,
  evaluated,
  foreignFiles,
  matchLines,
  SEPARATION_DIR,
  wholeWith,
} from "./sshd-config.ts";

/** `undefined` where nothing speaks against it, or where it cannot be known yet. */
export async function whyNot(want: Want, host: ReadHost): Promise<string | undefined> {
  // Where sshd has never run it cannot be asked without changing something; apply asks it again.
  if (!(await host.files.stat(SEPARATION_DIR))) return undefined;
  const own = textOf(want);
  const alone = await evaluated(host, own);
  const unknown = await unknownAlgorithms(want, host);
  if (unknown !== undefined) return unknown;
  if ("fault" in alone) return `sshd refuses these settings:\n${alone.fault}`;
  const config = await wholeWith(host.files, own);
  const whole = await evaluated(host, config);
  if ("fault" in whole) return `with these settings sshd refuses its whole configuration:\n${whole.fault}`;
  return (
    overridden(want, alone.effective, whole.effective) ??
    (await contradicted(want, host)) ??
    (await foreignCertificate(want, host)) ??
    (await lockedOut(want, config, host))
  );
}

const QUERIES = [
  ["ciphers", "cipher"],
  ["macs", "mac"],
  ["kexAlgorithms", "kex"],
  ["hostKeyAlgorithms", "HostKeyAlgorithms"],
  ["pubkeyAcceptedAlgorithms", "PubkeyAcceptedAlgorithms"],
] as const;

async function unknownAlgorithms(want: Want, { commands }: ReadHost): Promise<string | undefined> {
  for (const [parameter, query] of QUERIES) {
    const wanted = want[parameter];
    if (!wanted) continue;
    const { exitCode, stdout } = await commands.read({ argv: ["ssh", "-Q", query] });
    const known = stdout.split("\n").filter((line) => line !== "");
    const unknown = wanted.filter((name) => !known.includes(name));
    if (exitCode === 0 && unknown.length > 0)
      return `${parameter}: the OpenSSH of this machine does not know ${unknown.join(", ")}; it knows ${known.join(", ")}`;
  }
  return undefined;
}

/** What sshd comes to with all files is not what it comes to with ours: another file was faster, or adds to it. */
function overridden(want: Want, alone: Effective, whole: Effective): string | undefined {
  const differing = keywordsOf(want).flatMap((keyword) => {
    const [ours, theirs] = [alone.get(keyword) ?? [], whole.get(keyword) ?? []].map((values) =>
      values.join(" "),
    );
    return ours === theirs ? [] : [`${keyword} is ${theirs || "not set"} and not ${ours || "not set"}`];
  });
  if (differing.length === 0) return undefined;
  return `another file of sshd says otherwise, and it counts: ${differing.join("; ")}`;
}

async function contradicted(want: Want, { files }: ReadHost): Promise<string | undefined> {
  if (want.matches === "leave") return undefined;
  const ours = new Map<string, string[]>();
  for (const row of textOf(want).split("\n")) {
    const [, keyword = "", value = ""] = /^([A-Za-z0-9]+) (.*)$/.exec(row) ?? [];
    ours.set(keyword.toLowerCase(), [...(ours.get(keyword.toLowerCase()) ?? []), value.toLowerCase()]);
  }
  const others = [...(await foreignFiles(files))].flatMap(([file, text]) => matchLines(file, text));
  const against = others.filter(({ keyword, value }) => {
    const said = ours.get(keyword.toLowerCase());
    return said !== undefined && !said.includes(value.toLowerCase());
  });
  if (against.length === 0) return undefined;
  const shown = against.map(
    ({ file, line, condition, keyword, value }) => `${file}:${line} (Match ${condition}) ${keyword} ${value}`,
  );
  return `a Match block says otherwise, and wins for whom it is: ${shown.join("; ")} — remove it, or declare \`matches: "leave"\``;
}

/** A certificate for another key would be shown to nobody, and nobody would notice. */
async function foreignCertificate({ hostCertificate }: Want, host: ReadHost): Promise<string | undefined> {
  if (hostCertificate === undefined) return undefined;
  const { exitCode, stdout } = await host.commands.read({
    argv: ["ssh-keygen", "-L", "-f", "-"],
    stdin: hostCertificate,
  });
  if (exitCode !== 0 || !/host certificate/.test(stdout))
    return "`hostCertificate` is no certificate of a host";
  const fingerprint = /^\s*Public key: \S+ (SHA256:\S+)/m.exec(stdout)?.[1];
  const keys = (await host.files.list("/etc/ssh")).filter((name) => /^ssh_host_\w+_key\.pub$/.test(name));
  for (const name of keys) {
    const text = (await host.files.readText(`/etc/ssh/${name}`)).trim();
    if (fingerprintOf(readPublicKey(text)) === fingerprint) return undefined;
  }
  return `the certificate for ${CERTIFICATE_FILE} is for the key ${fingerprint}, and this machine has no such host key`;
}

async function lockedOut({ must, port }: Want, config: string, host: ReadHost): Promise<string | undefined> {
  const refusals: string[] = [];
  for (const login of must) {
    const at = await evaluated(host, config, { user: login.user, from: login.from, port });
    const why = "fault" in at ? at.fault : await whyTurnedAway(login, at.effective, host);
    if (why !== undefined) refusals.push(`${login.user} from ${login.from} could not log in: ${why}`);
  }
  return refusals.length === 0 ? undefined : refusals.join("\n");
}
