/** What can go wrong with a site, its states and what they touch. */
import { failed, type Row, usage } from "./error-row.ts";

export const stateCodes = {
  "state/params": usage(
    "A declaration does not fit its state's schema.",
    "`boma-master doc NAME` shows what it takes.",
  ),
  "state/secret": usage(
    "A secret is written wrongly, or stands where none may.",
    "See docs/guide/secrets.md.",
  ),
  "state/unknown": usage("No kind of state has this name.", "`boma-master doc` lists the states."),
  "state/duplicate": usage(
    "A thing is declared twice, and not alike.",
    "Declare it once, or write the same in both places.",
  ),
  "state/reference": usage(
    "A requisite names a declaration that is not there.",
    "A reference is written `state(key)`, as in `pkg.installed(nginx)`.",
  ),
  "state/cycle": usage("Declarations wait for each other in a circle.", "Take one of the requisites away."),
  "state/claimed": usage(
    "Two declarations manage the same thing.",
    "Let one of them manage it, or put both into one.",
  ),
  "state/catalog": usage(
    "A catalog is not one that can be run.",
    "The master that compiled it may be of another release.",
  ),
  "state/wrong-type": failed(
    "What lies at a path is of another kind than the state wants.",
    "Nothing was replaced. Move it away, or declare what is there.",
  ),
  "state/not-converged": failed(
    "The state was applied, and is still not as it should be.",
    "Something undoes the change, or the state is wrong: look at what still differs.",
  ),
  "state/blocked": failed(
    "A state refuses, because what it was asked to do would do harm or cannot be done safely.",
    "Nothing was changed. The message says what stands in the way.",
  ),
  "state/unsupported": failed(
    "The machine lacks what a state needs: a program, a kernel parameter, a right.",
    "The message says what is missing.",
  ),
  "state/command-failed": failed(
    "A program that a state ran did not end with 0.",
    "The message has the last lines that it printed.",
  ),
  "state/no-catalog": failed(
    "A job that applies states came without the catalog that it needs.",
    "The master and the agent may be of different releases.",
  ),
  "state/moved": failed(
    "The node is not as it was when the plan was made.",
    "Make a new plan, look at it, and apply that one.",
  ),
  "state/reverted": failed(
    "A change that could have cut the node off was taken back, because the master was not reached anew in time.",
    "The node is as it was before. Look at what the change would have blocked.",
  ),
  "state/plan": usage(
    "A plan does not exist, was not kept, or is for other nodes.",
    "Make one with `boma-master plan TARGET`.",
  ),
  "state/file": failed(
    "Something could not be done with a file.",
    "The message has the path and the machine's reason.",
  ),
  "state/file-missing": failed(
    "A file or directory is not there.",
    "Declare the directory above it with file.directory, or say `createDirs` where the state has it.",
  ),
  "state/file-denied": failed(
    "The machine does not let the agent read or change a file.",
    "Run the agent as root, or look at the file's owner and mode.",
  ),
  "state/file-busy": failed(
    "A file is in use in a way that keeps it from being replaced.",
    "Stop what uses it first. A file that is a mount point of its own cannot be replaced from inside.",
  ),
  "state/disk-full": failed(
    "No space was left on the node for a file; the old one is untouched.",
    "`disk.usage` shows how full each file system is, in bytes and in inodes.",
  ),
  "state/owner-unknown": failed(
    "A file is to belong to a user or group that the node does not have.",
    "Declare it with user.present or group.present, which then comes first.",
  ),
  "state/protected": failed(
    "Something was to be removed that must stay.",
    "Remove what is meant one by one, by paths of its own.",
  ),
  "state/refused": failed(
    "A state refused to make a change that would lose or break something.",
    "The message says what would be lost.",
  ),
  "state/checksum": failed(
    "Bytes do not have the checksum that was declared.",
    "Compare with what the publisher says; nothing was put in place.",
  ),
  "state/archive": failed(
    "An archive cannot be read, or holds what may not be extracted.",
    "Nothing was put in place. The message names the entry.",
  ),
  "state/download": failed(
    "A download did not succeed, or went where it may not.",
    "Try the URL on the node; the message has the server's answer.",
  ),
  "state/api": failed(
    "The API of a daemon did not answer, or answered otherwise than it should.",
    "The message has the daemon's own words; look whether it runs, and at its log.",
  ),
  "network/gateway": failed(
    "A gateway that was declared does not answer on its interface.",
    "Look at its address and at the cable; where a master confirms changes, this one was taken back.",
  ),
  "gate/closed": failed(
    "Something was not ready when the time for it was over.",
    "The cause is in the message; what stands on it was not begun.",
  ),
  "stage/cycle": usage(
    "Stages of a fleet wait for each other in a circle.",
    "Take one of the dependencies out of the start, such as a secret that comes from a service started by it.",
  ),
  "vault/unreachable": failed(
    "Vault does not answer.",
    "`boma-master run NODE vault.status` says how it is; see docs/guide/infra/vault.md.",
  ),
  "vault/sealed": failed(
    "Vault is sealed: it was started, and nobody has opened it yet.",
    "Its holders open it, each with a share: `boma-master vault unseal NODE`.",
  ),
  "vault/denied": failed(
    "Vault does not let a node in, or not do what it asked for.",
    "Look at the policies of its token, and whether that is still good.",
  ),
  "vault/refused": failed("Vault did not do what it was asked to.", "The message has Vault's own words."),
  "vault/config": failed(
    "Vault itself does not accept a configuration; the one before is still in place.",
    "The message has Vault's own words.",
  ),
  "vault/init": failed(
    "An initialisation of Vault cannot be done, or it is not known what became of one.",
    "See docs/guide/infra/vault.md: what is lost can only be discarded by a human.",
  ),
  "vault/shares": failed(
    "The shares of a Vault are not where they were looked for, or not those that were meant.",
    "`boma-master run NODE vault.init-shares CLUSTER` shows what is kept.",
  ),
  "vault/share": failed(
    "Vault did not take a share of its key, or it did not arrive as it was sent.",
    "Ask again with `boma-master vault unseal NODE`; nothing of a share is kept anywhere.",
  ),
  "vault/unlike": failed(
    "What is in Vault cannot become what is declared without destroying what is in it.",
    "Move it by hand, or declare what is there.",
  ),
  "vault/wrapped": failed(
    "A wrapping of Vault does not open: it is too old, or was opened before.",
    "If the node did not open it, somebody else did: take back what was in it.",
  ),
  "ceph/silent": failed(
    "A Ceph cluster did not answer, or not as it should.",
    "`ceph -s` on the node: without a quorum of monitors it says nothing. Look at `systemctl status 'ceph-mon@*'`.",
  ),
  "package/unavailable": failed(
    "No source has a package, or this machine has no apt.",
    "Check the name, the version and the sources; `pkg.installed` can fetch newer lists.",
  ),
  "package/blocked": failed(
    "What apt would do to get there was not allowed: removing a package, touching a held one, going back a version.",
    "Nothing was changed. Allow it in the declaration where it is meant.",
  ),
  "package/locked": failed(
    "Another program held apt's or dpkg's lock for longer than was waited.",
    "Wait for it to end; never delete the lock file.",
  ),
  "package/source": failed(
    "A source of packages could not be fetched, or is declared twice.",
    "The message has apt's own lines: look at the address, the suite and the key.",
  ),
  "service/unfit": failed(
    "A unit cannot be what is asked of it: it does not exist, is masked, or has no such ability.",
    "The message says what stands in the way.",
  ),
  "service/unstable": failed(
    "A service was started, and did not stay up.",
    "The message has its last lines; `service.logs` shows more.",
  ),
  "unit/invalid": failed(
    "A unit file or a calendar is not accepted by systemd.",
    "The message has the lines of systemd-analyze; nothing was installed.",
  ),
  "state/pending": failed(
    "The file in which the agent notes what it still has to refresh cannot be read, so no states run.",
    "See what it holds, take it away, and restart what may still run with an old configuration.",
  ),
  "state/failed": failed("A state failed on the node.", "The message is the machine's own."),
  "state/timeout": failed(
    "A declaration took longer than it may.",
    "Give it more with `timeout`, or look at what it waits for.",
  ),
  "state/cancelled": failed(
    "The run was cancelled while the declaration was at work.",
    "Run it again: states go on from wherever they were stopped.",
  ),
  "state/contract": failed(
    "A state does not keep the contract of states.",
    "See CONTRIBUTING.md, add a state.",
  ),
  "nomad/config": failed(
    "Nomad does not accept a configuration.",
    "The message has Nomad's own lines. What was in force before still is.",
  ),
  "nomad/denied": failed(
    "Nomad refuses a request: the token has no right to it, or there is none.",
    "Give the declaration a `token`, and functions an `operatorToken` of `nomad.agent`; see docs/guide/infra/nomad.md.",
  ),
  "nomad/job": failed(
    "A job of Nomad was not accepted, or did not become healthy.",
    "The message has Nomad's own words. `nomad job status JOB` on the node shows more.",
  ),
  "nomad/drain": failed(
    "A client of Nomad could not be drained.",
    "`boma-master run NODE nomad.status` shows what still runs there; `nomad.undrain` takes it back.",
  ),
  "consul/config": failed(
    "Consul does not accept a configuration.",
    "The message has Consul's own lines. What was in force before still is.",
  ),
  "consul/denied": failed(
    "Consul refuses a request: the token has no right to it, or there is none.",
    "Give the declaration a `token` whose policy allows it; see docs/guide/infra/consul.md.",
  ),
  "docker/config": failed(
    "Docker does not accept a configuration, or does not take it up.",
    "The message has Docker's own lines. What was in force before still is.",
  ),
  "schedule/unknown": failed(
    "A node keeps no schedule of this name, or cannot keep it.",
    "`boma-master run NODE schedule.list` shows those that it keeps.",
  ),
  "schedule/running": failed(
    "A schedule is asked to run while it runs.",
    "Wait for its end: no schedule runs twice at a time.",
  ),
  "bundle/refused": failed(
    "The site's own states came in a bundle that this node must not load: unsigned, altered, or not fit to be loaded.",
    "Nothing of it was run. The message says what is wrong with it.",
  ),
  "bundle/build": usage(
    "The site's own states cannot be made into a bundle.",
    "The message names the file, and what it imports that it must not.",
  ),
  "bundle/unsigned": usage(
    "The site's states have changed, and nobody has signed them.",
    "`boma-master bundle build --key FILE`, where the release key is; then copy what it wrote.",
  ),
  "secret/unknown": failed(
    "A reference leads to no secret.",
    "`boma-master secret check REFERENCE` tries one without showing it.",
  ),
  "secret/unreadable": failed(
    "A place where secrets are kept cannot be read.",
    "The message says which, and why; values are never shown.",
  ),
  "secret/denied": failed(
    "A node may not have a secret that its states ask for.",
    "See docs/guide/secrets.md: `rules` in secrets.yaml says who may have what.",
  ),
  "site/reactor": usage("A file below reactors/ is not one that can be used.", "See docs/guide/reactors.md."),
  "site/broken": usage(
    "The site cannot be loaded: code that throws, does not parse, or is not what it should be.",
    "The message says where. `boma-master check` finds it before anything is sent.",
  ),
  "site/import": usage(
    "The site imports what it must not.",
    "A site imports `@boma/states`, `zod`, `eta` and its own files.",
  ),
  "site/missing": usage(
    "The site has no such tree, or no top.ts.",
    "Trees are files below states/; top.ts says which are for whom.",
  ),
  "site/target": usage(
    "A target of top.ts or of the pillar is wrong, or asks for what a node claims of itself.",
    "Such targets go by id and by what the master assigned: `env:dev`, `assigned.rack:a`.",
  ),
  "site/file": usage("A file of the site cannot be read.", "Paths begin at the site's root: `files/motd`."),
  "site/profile": usage(
    "A profile is wrong, or it cannot be said which one is meant.",
    "`boma-master profile explain NODE` shows how one is chosen.",
  ),
  "site/notifications": usage(
    "The site's `notifications.ts` is not what a master can work by.",
    "docs/guide/notifications.md shows what it holds.",
  ),
  "site/time": usage(
    "The site's code did not come to an end in time.",
    "Look for a loop at the line that is named.",
  ),
  "drift/catalog": failed(
    "The catalog that a node keeps for itself is not there, or is not what it kept.",
    "Apply the site once: `boma-master run NODE state.apply`.",
  ),
  "site/memory": usage(
    "The site's code used more memory than it may.",
    "Look for a list or a text that grows without end.",
  ),
  "site/ended": usage(
    "The site's code ended the process in which it is evaluated.",
    "A site computes what should be; it ends nothing.",
  ),
  "site/yaml": usage("A YAML file of the site cannot be used as it stands.", "The message shows the place."),
  "site/value": usage(
    "A `${…}` in a YAML file stands for nothing that is known of the node.",
    "It begins with pillar, grains, assigned or node.",
  ),
  "site/pillar": usage(
    "A node's pillar is not what a tree wants, or cannot be made.",
    "`boma-master pillar show NODE` shows each value and its origin.",
  ),
} as const satisfies Record<string, Row>;
