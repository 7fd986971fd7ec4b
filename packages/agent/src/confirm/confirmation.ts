/** Arms the dead-man for a change, and disarms it when the master was reached over a new connection. */
import { spawn } from "node:child_process";
import { access, mkdir, symlink, writeFile } from "node:fs/promises";

import { BomaError } from "@boma/protocol";
import type { Armed, Confirmation, Undo } from "@boma/states/core";

import { messageOf } from "../files.ts";
import { pause } from "../wait.ts";
import { keepWatch, readBootId, revertLeftovers, uptimeMs } from "./dead-man.ts";
import { armUndo, claimUndo, disarmUndo, isReverting, undoDir } from "./undo-file.ts";

const TRY_AGAIN_MS = 500;
const LOOK_MS = 50;
/** The agent itself takes a change back at once when the apply failed; its own dead-man then finds nothing left. */
const REVERT_MS_MAX = 120_000;

export interface ConfirmPorts {
  readonly agentDir: string;
  /** Below which directory this agent keeps its files. */
  readonly root: string;
  /** Opens another connection to the bus, says hello over it, and resolves when the master has answered. */
  readonly reach: (signal: AbortSignal) => Promise<void>;
  /** The program that `boma-agent` is: the dead-man is started with it. */
  readonly program: readonly string[];
}

export function confirmation({ agentDir, root, reach, program }: ConfirmPorts): Confirmation {
  const dir = undoDir(agentDir);
  return {
    async arm(declaration, undo, withinMs) {
      const [bootId, uptime] = await Promise.all([readBootId(), uptimeMs()]);
      const id = await armUndo(dir, {
        declaration,
        undo: copyOf(undo),
        root,
        bootId,
        deadlineUptimeMs: uptime + withinMs,
      });
      try {
        await startDeadMan([...program, "undo", dir, id]);
      } catch (thrown) {
        // Nothing was changed yet: what nobody watches must not be taken back at some later start.
        await disarmUndo(dir, id);
        throw thrown;
      }
      return armed({ dir, id, declaration, reach, withinMs });
    },
  };
}

const copyOf = ({ files, commands }: Undo) => ({
  files: files.map(({ path, was }) => ({ path, was: was && { ...was } })),
  commands: commands.map((command) => [...command]),
});

interface ArmedUndo {
  readonly dir: string;
  readonly id: string;
  readonly declaration: string;
  readonly withinMs: number;
  readonly reach: (signal: AbortSignal) => Promise<void>;
}

function armed({ dir, id, declaration, withinMs, reach }: ArmedUndo): Armed {
  return {
    async prove() {
      const late = AbortSignal.timeout(withinMs);
      let why = "";
      while (!late.aborted) {
        try {
          await reach(late);
          if (await disarmUndo(dir, id)) return;
          break;
        } catch (thrown) {
          why = messageOf(thrown);
          await pause(TRY_AGAIN_MS, late);
        }
      }
      await whenReverted(dir, id);
      throw new BomaError(
        "state/reverted",
        `${declaration} was taken back: the master could not be reached anew within ${withinMs} ms${why === "" ? "" : ` (${why})`}`,
      );
    },
    async revert() {
      const undo = await claimUndo(dir, id);
      if (!undo) return whenReverted(dir, id);
      // It is claimed, so the dead-man leaves it alone; from here it goes the way of one that was left half done.
      await revertLeftovers(dir);
    },
  };
}

/** The dead-man acts by itself; this waits until it has. */
async function whenReverted(dir: string, id: string): Promise<void> {
  const late = AbortSignal.timeout(REVERT_MS_MAX);
  // Where the dead-man itself was killed, this process keeps the watch in its place.
  await keepWatch(dir, id);
  while (!late.aborted && (await isReverting(dir, id))) await pause(LOOK_MS, late);
}

/**
 * Below systemd the dead-man is a unit of its own: whoever stops the agent's unit
 * ends all processes in it. Elsewhere it is a process in a session of its own.
 */
async function startDeadMan(argv: readonly string[]): Promise<void> {
  const systemd = await isSystemd();
  if (systemd) await enableBootUnit(argv);
  const [program, ...args] = systemd ? ["systemd-run", "--quiet", "--collect", ...argv] : argv;
  const child = spawn(program!, args, { detached: true, stdio: "ignore" });
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    if (systemd)
      child.once("exit", (code) =>
        code === 0 ? resolve() : reject(new Error(`systemd-run exited with ${code}`)),
      );
    else child.once("spawn", resolve);
  });
  child.unref();
}

const isSystemd = (): Promise<boolean> =>
  process.getuid?.() === 0
    ? access("/run/systemd/system").then(
        () => true,
        () => false,
      )
    : Promise.resolve(false);

const BOOT_UNIT = "/etc/systemd/system/boma-undo.service";

/** After a reboot the change is taken back before the network comes up, whether or not the agent starts. */
async function enableBootUnit(argv: readonly string[]): Promise<void> {
  const dir = argv.at(-2)!;
  const program = argv
    .slice(0, -2)
    .map((word) => JSON.stringify(word))
    .join(" ");
  const unit = `# managed by boma
[Unit]
Description=Take back a change that was not confirmed before the reboot
DefaultDependencies=no
After=local-fs.target
Before=network-pre.target
Wants=network-pre.target
ConditionDirectoryNotEmpty=${dir}

[Service]
Type=oneshot
ExecStart=${program} ${JSON.stringify(dir)}

[Install]
WantedBy=multi-user.target
`;
  await writeFile(BOOT_UNIT, unit, { mode: 0o644 });
  await mkdir("/etc/systemd/system/multi-user.target.wants", { recursive: true });
  await symlink(BOOT_UNIT, "/etc/systemd/system/multi-user.target.wants/boma-undo.service").catch(
    () => undefined,
  );
}
