/** What would make a bootstrap stop half-way, found before anything is changed. */
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";

import { BomaError } from "@boma/protocol";

import type { NodeView } from "../api/verbs/nodes.ts";
import { STARTER_PROFILE } from "../starter-site.ts";
import { agentState } from "./agent.ts";
import { MASTER_OPTIONS, optionsIn } from "./defaults.ts";
import { valuesOf } from "./option-words.ts";
import { askMaster, documentOf, isActive, MASTER_HOME, master, must, run, unit } from "./programs.ts";
import { portOf, type Settings } from "./settings.ts";
import { checkOwnSite, hasSite, StagedSite } from "./site.ts";

const refused = (message: string, hint?: string): BomaError =>
  new BomaError("bootstrap/machine", message, hint === undefined ? {} : { hint });

export const isInitialisedHome = (): boolean => existsSync(join(MASTER_HOME, "master/keys/bus.json"));

/** The site that is to be put in its place, where one was given. Whoever gets it disposes of it. */
export async function preflight(settings: Settings): Promise<StagedSite | undefined> {
  if (process.getuid?.() !== 0)
    throw refused("only root can make a machine the first server", "Put sudo in front.");
  if (!existsSync("/run/systemd/system"))
    throw refused("this machine does not run systemd, which starts and watches the services");
  await assertInstalled(settings);
  await assertPorts(settings);
  await assertOwnAgent(settings);
  assertBootCard(settings);
  await assertSameProfile(settings);
  return checkedSite(settings);
}

async function assertInstalled({ boot }: Settings): Promise<void> {
  const units = ["boma-master.service", "boma-agent.service", ...(boot ? ["boma-netboot.service"] : [])];
  for (const name of units)
    if ((await unit(name, "LoadState")) === "not-found")
      throw refused(
        `${name} is not installed`,
        "`sh install.sh bootstrap …` in the directory of a release installs it.",
      );
  if (boot?.dhcp !== undefined && (await run(["dnsmasq", "--version"])).code !== 0)
    throw refused("dnsmasq is not here, which --boot-dhcp needs", "apt-get install dnsmasq-base");
}

/** Whoever listens where we are to listen, and is not us. */
async function assertPorts({ listen, boot }: Settings): Promise<void> {
  const external = valuesOf(optionsIn(MASTER_OPTIONS), "--nats").length > 0;
  if (!external && !(await isActive("boma-master.service"))) await assertFree(portOf(listen), BUS);
  if (boot && !(await isActive("boma-netboot.service"))) await assertFree(HTTP_PORT, "the boot service");
}

const HTTP_PORT = 8080;
const BUS = "the bus";

async function assertFree(port: number, whom: string): Promise<void> {
  const server = createServer();
  const taken = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(true));
    server.listen({ port, host: "::", exclusive: true }, () => resolve(false));
  });
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  if (!taken) return;
  const { stdout } = await run(["ss", "-Hltnp", `sport = :${port}`]);
  const who = /users:\(\("([^"]+)",pid=(\d+)/.exec(stdout);
  throw refused(
    `port ${port}, which ${whom} needs, is taken${who ? ` by ${who[1]} (process ${who[2]})` : ""}`,
    whom === BUS ? "Stop what listens there, or say another port with --listen." : "Stop what listens there.",
  );
}

/** A machine that another master rules is not ours to take. */
async function assertOwnAgent({ id }: Settings): Promise<void> {
  const agent = await agentState();
  if (!["connected", "disconnected", "connecting"].includes(agent.state)) return;
  const elsewhere = refused(
    `the agent of this machine is a node of another master, ${agent.master}`,
    "Take it away from there first: `apt-get purge boma-agent` deletes its identity.",
  );
  if (!isInitialisedHome()) throw elsewhere;
  const nodes = await ownNodes();
  if (nodes === undefined) return;
  const ours = nodes.find(({ key }) => key === agent.node);
  if (!ours) throw elsewhere;
  if (ours.id !== id)
    throw refused(`this machine is the node ${ours.id} already, and was to be ${id}`, `Say --id ${ours.id}.`);
}

/** The nodes, where a master answers. */
async function ownNodes(): Promise<readonly NodeView[] | undefined> {
  if (!isInitialisedHome() || (await master(["status", "--json"])).code !== 0) return undefined;
  return askMaster<readonly NodeView[]>(["nodes"]);
}

function assertBootCard({ boot }: Settings): void {
  if (boot?.interface === undefined || networkInterfaces()[boot.interface] || isCard(boot.interface)) return;
  throw refused(`there is no network card ${boot.interface}`, "`ip link` lists what there is.");
}

/** A card without an address is not among the interfaces that Node tells of. */
const isCard = (name: string): boolean =>
  /^[\w.-]{1,15}$/.test(name) && !/^\.+$/.test(name) && existsSync(`/sys/class/net/${name}`);

async function assertSameProfile({ id, profile }: Settings): Promise<void> {
  const node = (await ownNodes())?.find((one) => one.id === id);
  const now = node?.assigned["profile"];
  if (node && now !== profile)
    throw refused(
      `${id} is a node already, with ${typeof now === "string" ? `the profile ${now}` : "no profile"}`,
      `Keep it with --profile ${typeof now === "string" ? now : "NAME"}, or change it: \`boma-master assign ${id} profile=${profile}\`.`,
    );
}

async function checkedSite(settings: Settings): Promise<StagedSite | undefined> {
  const { id, profile, env, site } = settings;
  const machine = {
    id,
    profile,
    env,
    grains: documentOf(await must(["boma-agent", "grains", "--json"])) ?? {},
  };
  if (site !== undefined) {
    const staged = await StagedSite.of(site);
    try {
      await staged.check(machine);
      staged.assertReplaceable();
      return staged;
    } catch (error) {
      await staged[Symbol.asyncDispose]();
      throw error;
    }
  }
  if (hasSite()) await checkOwnSite(machine);
  else if (profile !== STARTER_PROFILE)
    throw refused(
      `the starter site has the profile ${STARTER_PROFILE}, and not ${profile}`,
      "Give your own with --site DIR.",
    );
  return undefined;
}

/** Two of them at once would each undo the other's waiting. */
export async function onlyOne(): Promise<Disposable> {
  const lock = createServer();
  await new Promise<void>((resolve, reject) => {
    lock.once("error", () =>
      reject(refused("another bootstrap runs on this machine", "Wait for it to end.")),
    );
    // The name is the kernel's, and is gone with the process.
    lock.listen("\0boma-bootstrap", () => resolve());
  });
  return { [Symbol.dispose]: () => void lock.close() };
}
