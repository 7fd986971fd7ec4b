import { Command } from "@commander-js/extra-typings";

import { allow } from "./commands/allow.ts";
import { assign } from "./commands/assign.ts";
import { audit } from "./commands/audit.ts";
import { backup } from "./commands/backup.ts";
import { bootstrap } from "./commands/bootstrap.ts";
import { bundle } from "./commands/bundle.ts";
import { catalog } from "./commands/catalog.ts";
import { check } from "./commands/check.ts";
import { coldstart, coldstop } from "./commands/cold.ts";
import { completion } from "./commands/completion.ts";
import { doc } from "./commands/doc.ts";
import { doctor } from "./commands/doctor.ts";
import { drift } from "./commands/drift.ts";
import { enroll } from "./commands/enroll.ts";
import { events } from "./commands/events.ts";
import { grains } from "./commands/grains.ts";
import { image } from "./commands/image.ts";
import { importSls } from "./commands/import-sls.ts";
import { init } from "./commands/init.ts";
import { jobs } from "./commands/jobs.ts";
import { joinKey } from "./commands/join-key.ts";
import { leases } from "./commands/leases.ts";
import { maintain } from "./commands/maintain.ts";
import { netboot } from "./commands/netboot.ts";
import { nodes } from "./commands/nodes.ts";
import { notify } from "./commands/notify.ts";
import { operator } from "./commands/operator.ts";
import { pillar } from "./commands/pillar.ts";
import { plan } from "./commands/plan.ts";
import { profile } from "./commands/profile.ts";
import { reactor } from "./commands/reactor.ts";
import { rekey } from "./commands/rekey.ts";
import { restore } from "./commands/restore.ts";
import { revoke } from "./commands/revoke.ts";
import { run } from "./commands/run.ts";
import { secret } from "./commands/secret.ts";
import { serve } from "./commands/serve.ts";
import { example } from "./commands/shell.ts";
import { siteServer } from "./commands/site-server.ts";
import { status } from "./commands/status.ts";
import { target } from "./commands/target.ts";
import { terraform } from "./commands/terraform.ts";
import { token } from "./commands/token.ts";
import { endUsage } from "./commands/usage-error.ts";
import { vault } from "./commands/vault.ts";
import { VERSION } from "./version.ts";

/** The whole command line, in the order in which a newcomer needs it. */
const commands = [
  bootstrap,
  init,
  serve,
  token,
  joinKey,
  enroll,
  nodes,
  grains,
  assign,
  revoke,
  rekey,
  target,
  check,
  pillar,
  profile,
  plan,
  run,
  catalog,
  drift,
  coldstart,
  coldstop,
  terraform,
  maintain,
  leases,
  siteServer,
  allow,
  jobs,
  events,
  audit,
  backup,
  restore,
  reactor,
  notify,
  doc,
  secret,
  vault,
  bundle,
  image,
  netboot,
  operator,
  status,
  doctor,
  importSls,
  completion,
];

const program = new Command("boma-master")
  .description("Runs a fleet: decides who does what, and shows it.")
  .version(VERSION)
  // The options of `events` are not those of `events durables`.
  .enablePositionalOptions()
  .addHelpText(
    "after",
    example(
      "boma-master init && boma-master serve\nboma-master token create --env dev\nboma-master run 'env:dev' test.ping",
    ),
  );
for (const add of commands) add(program);
endUsage(program);

// A reader such as `head` that has seen enough is no fault; a master that serves goes on without one.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  if (!process.argv.includes("serve")) process.exit();
});

await program.parseAsync();
