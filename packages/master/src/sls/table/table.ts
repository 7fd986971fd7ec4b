/** Every function of Salt's that is translated, and those for which there is something better to say than "no". */
import { cmd } from "./cmd.ts";
import { file } from "./file.ts";
import { pkg } from "./pkg.ts";
import type { Row, Without } from "./row.ts";
import { service } from "./service.ts";
import { storage } from "./storage.ts";
import { system } from "./system.ts";
import { user } from "./user.ts";

export const table: Readonly<Record<string, Row>> = {
  ...pkg,
  ...file,
  ...service,
  ...user,
  ...cmd,
  ...system,
  ...storage,
};

const FILE_BLOCK = "file.block keeps lines between marks of its own; take the old lines out first.";

export const without: Without = {
  "pkgrepo.managed": "apt.repo pins the archive's key: give it the key's text and its fingerprints.",
  "pkgrepo.absent": "Declare the file below /etc/apt/sources.list.d as file.absent.",
  "pkg.uptodate": "`boma-master run TARGET pkg.upgrade --test`, and then without --test.",
  "file.blockreplace": FILE_BLOCK,
  "file.prepend": "file.line with `where: start`, for each line.",
  "file.line": "file.line of boma has other words: `line`, `match`, `where`; write it by hand.",
  "file.keyvalue": "file.line with `match`, for each key.",
  "file.comment": "file.line with `match`, or the whole file with file.managed.",
  "file.uncomment": "file.line with `match`, or the whole file with file.managed.",
  "file.serialize": "file.managed with `contents: JSON.stringify(…)` in a tree in TypeScript.",
  "file.accumulated": "Put the parts together in a tree in TypeScript.",
  "file.touch": "file.managed without content makes a file where there is none.",
  "file.copy": "file.managed, or a guarded cmd.run.",
  "file.rename": "A guarded cmd.run.",
  "file.patch": "file.managed with the whole content.",
  "service.enabled": "service.running enables and starts; no state enables only.",
  "service.disabled": "service.stopped disables and stops; no state disables only.",
  "service.unmasked": "service.running with `unmask: true`.",
  "cmd.script": "Put the script on the node with file.managed, and run it with cmd.run.",
  "cmd.wait_script": "Put the script on the node with file.managed, and run it with cmd.run and `onChanges`.",
  "cmd.call": "cmd.run, or a state of your own.",
  "module.run": "cmd.run, or a state of your own below states/.",
  "module.wait": "cmd.run with `onChanges`, or a state of your own below states/.",
  "cron.absent": "Take the line out of the crontab; boma's jobs are files below /etc/cron.d (file.absent).",
  "cron.file": "cron.job for each line.",
  "cron.env_present": "`environment` of cron.job.",
  "host.absent": "hosts.absent removes what hosts.entry made; other lines with file.line.",
  "host.only": "hosts.entry for each name.",
  "kmod.absent": "kernel.module with `blacklist: true` keeps it from being loaded.",
  "locale.present": "Name it in `also` of locale.set.",
  "lvm.pv_present": "lvm.vg makes the physical volumes.",
  "lvm.lv_absent": "boma removes no volume; do it by hand.",
  "lvm.vg_absent": "boma removes no volume group; do it by hand.",
  "blockdev.formatted": "fs.formatted; it leaves alone what holds anything else.",
  "git.cloned": "git.checkout with a revision.",
  "system.reboot": "reboot.required, or `boma-master run TARGET system.reboot`.",
  "x509.certificate_managed": "cert.managed, cert.request or cert.selfsigned.",
  "x509.private_key_managed": "cert.request or cert.selfsigned.",
  "sudoers.present": "sudo.rules.",
  "test.nop": "Leave it out: in boma things hang on each other directly.",
  "test.succeed_without_changes": "Leave it out: in boma things hang on each other directly.",
};
