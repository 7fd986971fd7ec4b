/** What a machine that loads its kernel over HTTP is to boot, whoever asks in its name: an image that is here, and a token for this boot. */
import type { ImageShelf } from "../image/image-shelf.ts";
import type { Asked } from "./asking.ts";
import { UBUNTU } from "./autoinstall.ts";
import type { BootAnswer } from "./netboot.ts";

type Refused = Extract<BootAnswer, { boots: false }>;
export type Booting = Extract<BootAnswer, { boots: true }>;

interface Parts {
  readonly shelf: ImageShelf;
  /** Ubuntu's installer is served as well, which is on no shelf. */
  readonly ubuntu?: boolean | undefined;
  readonly boot: (asked: Asked & { readonly address: string }) => Promise<BootAnswer>;
}

interface Found {
  readonly boots: true;
  readonly answer: Booting;
  /** Its name on the shelf. */
  readonly image: string;
}

/** The image is looked for before the token is made: a machine that cannot boot needs none. */
export async function findBoot(
  { shelf, boot, ubuntu = false }: Parts,
  asked: Asked & { readonly address: string },
): Promise<Found | Refused> {
  await shelf.refresh();
  if (!shelf.find(asked.arch) && !ubuntu) return refused(`there is no image for ${asked.arch}`);
  const answer = await boot(asked);
  if (!answer.boots) return answer;
  if (ubuntu && answer.image === UBUNTU) return { boots: true, answer, image: UBUNTU };
  const image = shelf.find(asked.arch, answer.image, answer.install);
  if (!image) return refused(`there is no ${wanted(answer)} for ${asked.arch}`);
  return { boots: true, answer, image: image.manifest.name };
}

const refused = (why: string): Refused => ({ boots: false, why });

const wanted = ({ image, install }: Booting): string =>
  `image${image === undefined ? "" : ` ${image}`}${install ? " that can be put on a disk (image build --install)" : ""}`;
