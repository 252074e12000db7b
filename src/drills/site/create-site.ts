import type { Dialected, Style } from '../exchange.ts';
import type { Random } from '../random.ts';
import { columns } from '../statements.ts';
import type { World } from '../worlds/insurer.ts';
import { changes } from './changes.ts';
import { openFrame } from './frame.ts';
import { openPages } from './open-pages.ts';
import { quotePages } from './quote-pages.ts';
import { recordPages } from './record-pages.ts';

export type Site = ReturnType<typeof createSite>;

/** The web application over the world's tables. Every answer is worked out from the rows, so that size, log and truth agree. */
export function createSite(world: World, style: Style, dialect: Dialected, random: Random) {
  const frame = openFrame(world, style, dialect, random);
  const { sql, jitter, answer } = frame;
  return { style, world, sql, dialect, jitter, columns, answer, ...openPages(frame), ...recordPages(frame), ...quotePages(frame), ...changes(frame) };
}
