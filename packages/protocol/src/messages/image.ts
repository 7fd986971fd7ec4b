/**
 * What a netboot image is, said by the release key: the two files that a machine
 * loads, whom the image believes, and every package that it was made of. The
 * signed manifest lies beside the files, and whoever believes the root can check it.
 */
import { z } from "zod";

import { defineMessage } from "../envelope.ts";
import { BomaError } from "../errors.ts";
import { PublicKey, sameBytes, type SigningKey } from "../keys.ts";
import { IMAGE_FILE_BYTES_MAX, IMAGE_PACKAGES_MAX } from "../limits.ts";
import { openReleased, sealReleased } from "../released.ts";

export const IMAGE_ARCHS = ["amd64", "arm64"] as const;
export const ImageArch = z.enum(IMAGE_ARCHS);
export type ImageArch = z.output<typeof ImageArch>;

const Digest = z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256 in hexadecimal digits");
const ImageFile = z.strictObject({
  digest: Digest,
  bytes: z.number().int().positive().max(IMAGE_FILE_BYTES_MAX),
});
export type ImageFile = z.output<typeof ImageFile>;

const Text = z.string().min(1).max(255);

const Manifest = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, "a name such as live-amd64"),
  arch: ImageArch,
  /** The root key that nodes of this image believe. */
  root: PublicKey,
  files: z.strictObject({ kernel: ImageFile, initrd: ImageFile }),
  /** What the root was packed into: of the initrd, this is nearly all. */
  rootBytes: z.number().int().positive(),
  kernelVersion: Text,
  agentVersion: Text,
  /** What its nodes claim to be meant for. */
  profile: Text.optional(),
  /** It can put itself on a disk. */
  install: z.literal(true).optional(),
  packages: z.array(z.strictObject({ name: Text, version: Text, digest: Digest })).max(IMAGE_PACKAGES_MAX),
});
export type ImageManifest = z.output<typeof Manifest>;

export const Image = defineMessage({
  kind: "image.manifest",
  schema: 1,
  bytesMax: 1024 * 1024,
  body: Manifest,
});

export const signImage = (manifest: ImageManifest, release: SigningKey): Uint8Array =>
  sealReleased(Image, manifest, release);

/** What the release key says of an image; anything else that is said of it is refused. */
export function readImage(
  signed: Uint8Array,
  { name, release, root }: { readonly name: string; readonly release: Uint8Array; readonly root: Uint8Array },
): ImageManifest {
  const manifest = openReleased(Image, signed, {
    release,
    refused: (why, cause) =>
      new BomaError("image/refused", `the image ${name} is not signed by the release key: ${why}`, { cause }),
  });
  if (!sameBytes(manifest.root, root))
    throw new BomaError("image/refused", `the image ${name} believes the root key of another master`, {
      hint: "Build it again on the home of this master: its nodes would never enrol here.",
    });
  return manifest;
}
