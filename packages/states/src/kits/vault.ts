/** A server of Vault or OpenBao: package, directories, configuration, unit, and the gate behind which it is open. */
import { BomaError } from "@boma/protocol";

import type { Declaration, Reference } from "../declaration.ts";
import type { RoleSource } from "../maintenance/domain.ts";
import type { MaySecret } from "../secret.ts";
import directory from "../states/file/directory.ts";
import managed from "../states/file/managed.ts";
import installed from "../states/pkg/installed.ts";
import running from "../states/service/running.ts";
import dropin from "../states/systemd/dropin.ts";
import { configPath, type Flavor, type Names, namesOf, settingsPath } from "../states/vault/flavor.ts";
import initialised from "../states/vault/initialised.ts";
import ready from "../states/vault/ready.ts";
import reloaded from "../states/vault/reloaded.ts";
import server from "../states/vault/server.ts";

type Server = Parameters<typeof server>[1];
type Init = Parameters<typeof initialised>[1];

export interface VaultKit {
  /** What this server is called among its peers. */
  readonly name: string;
  readonly flavor?: Flavor;
  /** The version of the package, which is then held; whatever is there where it is not said. */
  readonly version?: string;
  /** What its archive is declared as. */
  readonly require?: Reference | readonly Reference[];
  readonly server: Omit<Server, "flavor" | "directory">;
  /** A certificate and its key, in PEM, for `tls/fullchain.pem` and `tls/privkey.pem` beside its configuration. */
  readonly tls?: { readonly certificate: string; readonly privateKey: MaySecret<string> };
  /** Declarations of its certificates that are kept otherwise: a change of them is taken up with a reload. */
  readonly reloadOn?: readonly Reference[];
  readonly logLevel?: "trace" | "debug" | "info" | "warn" | "error";
  /** When a change of its configuration restarts it. One that people open is restarted in maintenance only. */
  readonly restart?: "now" | "window";
  /** With whom a restart takes turns: the servers of its cluster. */
  readonly domain?: string;
  readonly initialised?: Init & { readonly cluster: string };
  /** How it is reached from its own machine, for the gate; `false`: none. */
  readonly gate?: false | Parameters<typeof ready>[1];
}

export function vaultKit(kit: VaultKit): readonly Declaration[] {
  const { name, flavor = "vault", version, restart = "window", require = [], gate = {} } = kit;
  const names = namesOf(flavor);
  assertPatient(kit, restart);
  const program = installed(names.package, {
    ...(version !== undefined && { version, hold: true, allowChangeHeld: true }),
    startServices: false,
    require,
  });
  const ground = groundOf(kit, names, program);
  const live = liveOf(kit, names, program);
  const config = server(name, { ...kit.server, flavor, require: program } as Server);
  const unit = unitOf(kit, names, program);
  const up = running(names.unit, {
    stage: "vault",
    restart,
    domain: kit.domain ?? "vault",
    role: roleOf(kit),
    require: [...ground, ...live],
    watch: [program, config, unit],
  });
  const taken = reloaded(names.unit, { require: up, watch: [...live, ...(kit.reloadOn ?? [])] });
  const { cluster = "", ...init } = kit.initialised ?? {};
  const begun = kit.initialised ? [initialised(cluster, { ...init, require: up } as Init)] : [];
  const behind = gate === false ? [] : [ready(name, { ...gate, flavor, require: [up, ...begun] })];
  return [program, ...ground, ...live, config, unit, up, taken, ...begun, ...behind];
}

/** It is asked where the gate asks it. */
function roleOf({ gate }: VaultKit): RoleSource {
  const { address, ca } = gate === false || gate === undefined ? {} : gate;
  const args = { ...(address !== undefined && { address }), ...(ca !== undefined && { ca }) };
  return { function: "vault.role", args };
}

/** A restart of what people open is an outage until they come: nothing begins one by itself. */
function assertPatient({ server: { seal } }: VaultKit, restart: "now" | "window"): void {
  const opensItself = seal !== undefined && seal.type !== "shamir";
  if (restart === "window" || opensItself) return;
  throw new BomaError("state/params", "vaultKit: one that people open is restarted in maintenance only", {
    hint: "Leave `restart` away, or give it a `seal` that opens it.",
  });
}

/** The directories that only it may look into, and those who must not restart it by the way. */
function groundOf({ server: { storage } }: VaultKit, names: Names, require: Declaration): Declaration[] {
  const { account, package: name, unit } = names;
  const own = { owner: account, group: account, mode: "0700", createDirs: true, require };
  const unattended = managed(`/etc/apt/apt.conf.d/52boma-${name}`, {
    contents: `Unattended-Upgrade::Package-Blacklist { "^${name}$"; };\n`,
    mode: "0644",
  });
  const pattern = unit.replaceAll(".", String.raw`\.`);
  const restarts = managed(`/etc/needrestart/conf.d/boma-${name}.conf`, {
    contents: `$nrconf{override_rc}{qr(^${pattern}$)} = 0;\n`,
    mode: "0644",
    createDirs: true,
  });
  const config = directory(names.directory, { owner: "root", group: account, mode: "0750", require });
  return [
    ...("path" in storage && storage.type !== "consul" ? [directory(storage.path, own)] : []),
    unattended,
    restarts,
    config,
  ];
}

/** What it takes up while it runs. */
function liveOf({ tls, logLevel = "info" }: VaultKit, names: Names, require: Declaration): Declaration[] {
  const { account: group, directory: dir } = names;
  const settings = managed(settingsPath(dir), {
    contents: `${JSON.stringify({ log_level: logLevel }, undefined, 2)}\n`,
    owner: "root",
    group,
    mode: "0640",
    require,
  });
  if (!tls) return [settings];
  const file = (name: string, contents: MaySecret<string>, mode: string): Declaration =>
    managed(`${dir}/tls/${name}`, { contents, owner: "root", group, mode, createDirs: true, require });
  return [
    settings,
    file("fullchain.pem", tls.certificate, "0644"),
    file("privkey.pem", tls.privateKey, "0640"),
  ];
}

/**
 * The unit with our configuration only: the package's own stays as it is, and is not read. An upgrade of the package
 * may lose the capability of the program's file, so the unit gives it.
 */
function unitOf(
  { server: { storage, registration } }: VaultKit,
  { unit, program, directory: dir }: Names,
  require: Declaration,
): Declaration {
  const start = [
    `/usr/bin/${program}`,
    "server",
    `-config=${configPath(dir)}`,
    `-config=${settingsPath(dir)}`,
  ];
  return dropin(`${unit}.d/50-boma.conf`, {
    sections: {
      Unit: {
        ConditionFileNotEmpty: ["", configPath(dir)],
        // When the machine goes down it lets go of its lock while there is somebody to tell.
        ...((storage.type === "consul" || registration) && { After: "consul.service" }),
      },
      Service: {
        ExecStart: ["", start.join(" ")],
        AmbientCapabilities: "CAP_IPC_LOCK",
        LimitMEMLOCK: "infinity",
      },
    },
    require,
  });
}
