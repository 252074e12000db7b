import type { Lang } from '../base/index.ts';

/**
 * One document as plain data, printed to HTML for the screen and to Typst for paper, so that both always say the same.
 * A number is never typed: it is an inline of kind `figure` with the reference that `tadasu explain` answers.
 */
export type Inline =
  | string
  | { readonly kind: 'figure'; readonly ref: string; readonly text: string }
  | { readonly kind: 'strong'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string };

export type Column = { readonly title: string; readonly align?: 'left' | 'right'; readonly width?: string };

export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3; readonly text: string; readonly id?: string }
  | { readonly kind: 'paragraph'; readonly text: readonly Inline[]; readonly style?: 'lead' | 'right' | 'note' | 'warning' }
  | { readonly kind: 'list'; readonly items: readonly (readonly Inline[])[]; readonly ordered?: boolean }
  | {
      readonly kind: 'table';
      readonly caption?: string;
      readonly columns: readonly Column[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
      readonly empty?: string;
    }
  | { readonly kind: 'facts'; readonly rows: readonly (readonly [string, readonly Inline[]])[] }
  | { readonly kind: 'picture'; readonly svg: string; readonly alt: string }
  | { readonly kind: 'space' };

export type Document = {
  readonly lang: Lang;
  readonly title: string;
  /** `YYYY-MM-DD`, a fact of the case, never the wall clock: same input, same bytes. Null when there is none. */
  readonly date: string | null;
  readonly header: string;
  readonly footer: string;
  /** `draft` prints a mark on every page. */
  readonly mark: string | null;
  readonly body: 'gothic' | 'mincho';
  readonly blocks: readonly Block[];
};

export const figure = (ref: string, text: string): Inline => ({ kind: 'figure', ref, text });
export const code = (text: string): Inline => ({ kind: 'code', text });
export const heading = (level: 1 | 2 | 3, text: string, id?: string): Block => ({ kind: 'heading', level, text, ...(id !== undefined && { id }) });
export const paragraph = (...text: Inline[]): Block => ({ kind: 'paragraph', text });
