import { ensureLayer } from "../test/support/hosts/layer.ts";
import { goVersion, sizeOf } from "../test/support/infra/build.ts";
/**
 * The hosts tier installs programs that Debian does not have: this builds them, which takes a while the first time, and
 * says what it cannot build and why.
 */
import { ensureDeb } from "../test/support/infra/deb.ts";
import { PROGRAM_NAMES } from "../test/support/infra/programs.ts";
import { LAB } from "../test/support/lab.ts";
import { installMissing } from "./install-missing.ts";

const MIB = 1024 * 1024;
/** The end of what a build says is why it failed. */
const REASON_CHARS_MAX = 2000;

async function ensureAll(): Promise<void> {
  await installMissing({ nice: "coreutils", gcc: "gcc", "dpkg-deb": "dpkg", gpg: "gpg", gpgconf: "gpgconf" });
  await goVersion();
  for (const name of PROGRAM_NAMES) {
    const started = performance.now();
    try {
      const { path, version } = await ensureDeb(name);
      const seconds = Math.round((performance.now() - started) / 1000);
      console.log(`${name} ${version}: ${Math.round((await sizeOf(path)) / MIB)} MiB, after ${seconds} s`);
    } catch (thrown) {
      console.error(`${name} cannot be built: ${(thrown as Error).message.slice(-REASON_CHARS_MAX)}`);
      process.exitCode = 1;
    }
  }
  console.log(`those of the lab add ${await ensureLayer(LAB)}`);
}

try {
  await ensureAll();
} catch (thrown) {
  console.error((thrown as Error).message);
  process.exitCode = 1;
}
