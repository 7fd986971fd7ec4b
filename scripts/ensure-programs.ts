/** `npm test` runs the states of files, packages and repositories against the real programs: this installs those that are missing. */
import { installMissing } from "./install-missing.ts";

try {
  await installMissing({
    git: "git",
    tar: "tar",
    xz: "xz-utils",
    zstd: "zstd",
    "dpkg-deb": "dpkg",
    python3: "python3",
  });
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
