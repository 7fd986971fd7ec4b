/** What goes wrong with files, in people's words: the same for the real ones and those of memory. */
import { BomaError, type ErrorCode } from "@boma/protocol";

/** A file larger than this is not held in memory. */
export const HELD_BYTES_MAX = 64 * 1024 * 1024;

interface Complaint {
  readonly code: ErrorCode;
  readonly why: string;
  readonly hint?: string;
}

const COMPLAINTS: Readonly<Record<string, Complaint>> = {
  ENOENT: {
    code: "state/file-missing",
    why: "it is not there, or a directory above it is not",
  },
  ENOTDIR: { code: "state/wrong-type", why: "it, or something above it, is not a directory" },
  EISDIR: { code: "state/wrong-type", why: "it is a directory" },
  EINVAL: { code: "state/wrong-type", why: "it is not of the kind that this can be done with" },
  EEXIST: { code: "state/file", why: "something lies there already" },
  ENOTEMPTY: {
    code: "state/file",
    why: "the directory is not empty",
    hint: "Say `recursive` where all that is in it may go.",
  },
  ELOOP: { code: "state/file", why: "its symbolic links lead in a circle" },
  EXDEV: { code: "state/file", why: "the two paths are on different file systems" },
  EFBIG: { code: "state/file", why: `it is larger than ${HELD_BYTES_MAX / 1024 / 1024} MiB` },
  EACCES: { code: "state/file-denied", why: "the agent lacks the permission" },
  EPERM: {
    code: "state/file-denied",
    why: "the machine does not permit it",
    hint: "Giving files away needs root. For root itself: the file may be immutable, which `lsattr` shows.",
  },
  EROFS: {
    code: "state/file-denied",
    why: "the file system is mounted read-only",
    hint: "Mount it writable; a disk that went read-only by itself is often a dying one: see `dmesg`.",
  },
  ENOSPC: { code: "state/disk-full", why: "no space is left on the file system" },
  EDQUOT: { code: "state/disk-full", why: "the owner's disk quota is used up" },
  ETXTBSY: { code: "state/file-busy", why: "it is a program that runs just now" },
  EBUSY: { code: "state/file-busy", why: "it is a mount point, or the kernel uses it" },
};

/** `fileComplaint("ENOENT", "read", "/etc/motd")`, from an errno and what was to be done. */
export function fileComplaint(errno: string, does: string, path: string, cause?: unknown): BomaError {
  const { code, why, hint }: Complaint = COMPLAINTS[errno] ?? {
    code: "state/file",
    why: `the machine says ${errno}`,
  };
  return new BomaError(code, `cannot ${does} ${path}: ${why}`, {
    ...(hint !== undefined && { hint }),
    ...(cause !== undefined && { cause }),
  });
}

export const ownerComplaint = (kind: "user" | "group", name: string, path: string): BomaError =>
  new BomaError("state/owner-unknown", `cannot give ${path} to ${kind} ${name}: there is no such ${kind}`);

export const protectedComplaint = (path: string, why: string): BomaError =>
  new BomaError("state/protected", `${path} was not removed: ${why}`);
