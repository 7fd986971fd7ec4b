import { defineBeacon } from "../beacon.ts";

/** Where systemd looks for units, as Debian has it. */
const DIRECTORIES = [
  "/etc/systemd/system",
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
];
const PATH_LENGTH_MAX = 1000;

export const unit = defineBeacon({
  kind: "beacon.unit",
  start({ unit: name }, eyes, { watch }) {
    const paths = DIRECTORIES.flatMap((dir) => [`${dir}/${name}`, `${dir}/${name}.d/`]);
    const watched = watch(paths, (path) => {
      if (path.endsWith(".conf") || path.endsWith(name))
        eyes.happened(path, { unit: name, path: path.slice(0, PATH_LENGTH_MAX) });
    });
    if (watched.unwatched.length > 0) eyes.blind(`${watched.unwatched.join(", ")} cannot be watched`);
    return () => watched.stop();
  },
});
