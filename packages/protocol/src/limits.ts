/**
 * Every bound of the wire and of the protocol, with its unit in its name. A
 * bound is a promise to the other side: changing one is a protocol change.
 */

/** What one bus message may weigh; the server is configured with the same figure. */
export const PAYLOAD_BYTES_MAX = 1024 * 1024;
/** An enrolling machine is a stranger: it gets a small mouth. */
export const ENROL_BYTES_MAX = 16 * 1024;
/** What an agent may put into the master's inbox at once. */
export const INBOX_BYTES_MAX = 384 * 1024;
/** A function's result, packed. Longer output is cut on the node, and says so. */
export const RESULT_BYTES_MAX = 256 * 1024;
/** The arguments of one job, packed. */
export const ARGUMENTS_BYTES_MAX = 64 * 1024;
/** One line of streamed output. */
export const LINE_BYTES_MAX = 8 * 1024;
/** One event that a node tells of itself. */
export const EVENT_BYTES_MAX = 32 * 1024;
/** Lines that travel together in one progress message. */
export const PROGRESS_LINES_MAX = 200;
/** The claimed grains of one node, packed. */
export const GRAINS_BYTES_MAX = 128 * 1024;

/** Unfinished jobs that one mailbox holds; a further one is refused by the master. */
export const MAILBOX_JOBS_MAX = 32;
/** Messages of one kind that wait in the master's inbox for one node. */
export const INBOX_MESSAGES_PER_NODE_MAX = 128;
/** Nodes that one job may address. */
export const EXPECTED_NODES_MAX = 50_000;
/** Levels of nesting in a message; deeper ones are an attack on the parser. */
export const NESTING_DEPTH_MAX = 24;

/** Chunks that one thing may be cut into, and what each of them may weigh: two of them are far from one message. */
export const CHUNKS_MAX = 64;
export const CHUNK_BYTES_MAX = 512 * 1024;
/** The site's own states in one file, and how many of them there may be. */
export const BUNDLE_BYTES_MAX = 8 * 1024 * 1024;
export const BUNDLE_STATES_MAX = 1000;
/** One file of a netboot image: a machine must hold it in its memory twice. */
export const IMAGE_FILE_BYTES_MAX = 2 * 1024 ** 3;
export const IMAGE_PACKAGES_MAX = 5000;
/** Machines whose boots a master remembers, and boot windows that may be open; the oldest machine makes room. */
export const NETBOOT_MACHINES_MAX = 10_000;
export const NETBOOT_WINDOWS_MAX = 10_000;
/** How long the token of a boot script holds: from the script to the agent's first word. */
export const BOOT_TOKEN_MS = 10 * 60_000;
/** A window for any machine is a door that stands open; one for a named machine may stand for its whole life. */
export const OPEN_WINDOW_MS_MAX = 24 * 3_600_000;
/** Steps of a state run that travel together in one progress message. */
export const PROGRESS_STEPS_MAX = 200;
/** Of a declaration: its state, and its key in parentheses. */
export const STATE_LENGTH_MAX = 128;
export const KEY_LENGTH_MAX = 4096;
export const DECLARATION_ID_LENGTH_MAX = STATE_LENGTH_MAX + KEY_LENGTH_MAX + 2;

/** How far a sender's clock may run ahead of the receiver's, once the offset is known. */
export const CLOCK_AHEAD_MS_MAX = 60_000;
/** How long a message without a job behind it stays acceptable. */
export const MESSAGE_AGE_MS_MAX = 5 * 60_000;
/** Nonces that a master remembers to refuse what it took in before. */
export const NONCES_MAX = 100_000;

/** A connected node that is silent for so long after a job was sent is shown as not answering. */
export const ACCEPT_MS = 2_000;
/** What the master waits beyond a job's deadline for returns that are under way. */
export const DEADLINE_GRACE_MS = 2_000;
/**
 * A node that lost its connection gets this long to come back before it counts as offline: it knocks again after two to
 * six seconds, so that a bus that was started anew is no reason to call anybody offline.
 */
export const COME_BACK_MS = 10_000;
/** What the bus did not take from a node is offered to it again within this time. */
export const SAID_AGAIN_MS = 30_000;
/** An agent says that a job runs when it takes longer than this; quicker ones just return. */
export const ACCEPTED_AFTER_MS = 100;
/** The longest that a job may wait for offline nodes. */
export const JOB_EXPIRY_MS_MAX = 7 * 24 * 3_600_000;
/** The master answers an enrolment at the latest after this time, decided or not. */
export const ENROL_HOLD_MS = 20_000;
/** How long a node's bus credential lives; it is renewed at half of that. */
export const CREDENTIAL_MS = 30 * 24 * 3_600_000;
export const TOKEN_TTL_MS_MAX = 30 * 24 * 3_600_000;

export const TARGET_LENGTH_MAX = 4096;
export const TARGET_TERMS_MAX = 256;
export const PATTERN_LENGTH_MAX = 512;
