/**
 * The live system of an image, here: its packed root below a layer of memory, as its first stage mounts it, and its agent,
 * in namespaces of their own. It works at the speed of this machine, which an emulator does not.
 */
import { writeFileSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { mustRun } from "../hosts/program.ts";
import { TestProcess } from "../process.ts";
import { fatTools, fatPrograms } from "./fat.ts";
import type { MachineOptions } from "./machine.ts";

export interface LiveOptions {
  /** What its loader would have started. */
  readonly direct: NonNullable<MachineOptions["direct"]>;
  readonly hostname: string;
  readonly mac: string;
  /** Its network: the words before its commands, and the card there. */
  readonly via: readonly string[];
  readonly card: string;
  /** A device of this machine, whose partitions are told to the kernel when they are made. */
  readonly disk: string;
}

/** Everything that is mounted is so for these namespaces alone, and gone with them; the root's device goes with its mount. */
const SCRIPT = `
place=$1 hostname=$2 programs=$3
mount -t tmpfs -o mode=755 live "$place/new"
cd "$place/new"
mkdir stage lower upper root
mount --bind "$place/stage" stage
mount -t squashfs -o loop,ro stage/root.squashfs lower
# As behind the first stage, nobody sees any more where its file is.
umount --lazy stage
mkdir upper/files upper/work
mount -t overlay -o lowerdir=lower,upperdir=upper/files,workdir=upper/work live root
cd root
hostname "$hostname"
echo "$hostname" > etc/hostname
mount -t proc proc proc
mount -t sysfs sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 run run
mount --bind "$place/words" proc/cmdline
# Over those of the root, which stays as it is on the disk.
cp --remove-destination "$place/sbin/"* usr/sbin/
mkdir -p ".$programs"
mount --bind "$programs" ".$programs"
chroot . env -i PATH=/usr/sbin:/usr/bin LANG=C.UTF-8 /usr/lib/boma-agent/boma-agent run --config /etc/boma --boot
`;

export class LiveHere implements AsyncDisposable {
  readonly #agent: TestProcess;
  readonly #place: string;
  readonly #options: LiveOptions;

  private constructor(agent: TestProcess, place: string, options: LiveOptions) {
    this.#agent = agent;
    this.#place = place;
    this.#options = options;
  }

  static async start(options: LiveOptions): Promise<LiveHere> {
    const { direct, hostname, mac, via, card, disk } = options;
    const programs = await fatPrograms();
    const place = await mkdtemp(join(tmpdir(), "boma-live-"));
    await mustRun(["mkdir", join(place, "new"), join(place, "stage")]);
    await mustRun(["mkdir", "-p", BY_UUID]);
    await unpackRoot(direct.initrd, join(place, "stage/root.squashfs"));
    writeFileSync(join(place, "words"), `${direct.words}\n`);
    // No udev runs there, and the kernel need not know of tables like this one.
    const tools = {
      ...fatTools(programs, named(disk)),
      udevadm: `#!/bin/sh\nexec partx --update ${disk}\n`,
    };
    await mustRun(["mkdir", join(place, "sbin")]);
    for (const [name, text] of Object.entries(tools))
      writeFileSync(join(place, "sbin", name), text, { mode: 0o755 });
    await mustRun([...via, "ip", "link", "set", card, "address", mac]);
    const spaces = ["--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"];
    const [command, ...words] = [
      ...via,
      "unshare",
      ...spaces,
      "sh",
      "-ec",
      SCRIPT,
      "sh",
      place,
      hostname,
      programs,
    ];
    const live = new LiveHere(new TestProcess(command!, words), place, options);
    try {
      await live.#agent.line(/"msg":"connected"/);
      return live;
    } catch (error) {
      await live[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Switched off, and unplugged: another machine may come with its card. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.stop("SIGKILL");
    await mustRun([...this.#options.via, "ip", "link", "set", this.#options.card, "down"]);
    await mustRun(["find", BY_UUID, "-lname", `${this.#options.disk}p*`, "-delete"]);
    await rm(this.#place, { recursive: true });
  }
}

/** As udev does it: what starts from the disk looks for its root by this name, and not by that of today's device. */
const BY_UUID = "/dev/disk/by-uuid";
const named = (disk: string): string => `mkdir -p ${BY_UUID}
for part in ${disk}p*; do
  uuid=$(blkid --probe --output value --match-tag UUID "$part") && ln -sf "$part" "${BY_UUID}/$uuid"
done`;

const HEADER_BYTES = 110;
const SIZE_AT = 54;
const NAME_SIZE_AT = 94;
const padded = (bytes: number): number => Math.ceil(bytes / 4) * 4;

/** The packed root, which lies in the initramfs as it is. */
async function unpackRoot(initrd: string, to: string): Promise<void> {
  await using file = await open(initrd);
  const bytesAt = async (at: number, length: number): Promise<Buffer> =>
    (await file.read(Buffer.alloc(length), 0, length, at)).buffer;
  for (let at = 0; ;) {
    const header = (await bytesAt(at, HEADER_BYTES)).toString("latin1");
    if (!header.startsWith("070701")) throw new Error(`${initrd} holds no root`);
    const field = (from: number): number => parseInt(header.slice(from, from + 8), 16);
    const [size, nameSize] = [field(SIZE_AT), field(NAME_SIZE_AT)];
    const name = (await bytesAt(at + HEADER_BYTES, nameSize - 1)).toString();
    const data = padded(at + HEADER_BYTES + nameSize);
    if (name === "root.squashfs") {
      await using out = await open(to, "w");
      await out.writeFile(file.createReadStream({ start: data, end: data + size - 1, autoClose: false }));
      return;
    }
    at = padded(data + size);
  }
}
