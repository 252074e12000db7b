import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { NodeCompiler } from '@myriaddreamin/typst-ts-node-compiler';

const require = createRequire(import.meta.url);

/** Fonts come with the packages; nothing is taken from the machine, so the same document gives the same bytes everywhere. */
const fonts = [
  ['biz-udpgothic', '400Regular'],
  ['biz-udpgothic', '700Bold'],
  ['biz-udpmincho', '400Regular'],
  ['biz-udpmincho', '700Bold'],
  ['noto-sans-jp', '400Regular'],
  ['noto-sans-jp', '700Bold'],
  ['noto-serif-jp', '400Regular'],
];

/** The folders of the font files. */
export function fontFolders(): string[] {
  return fonts.map(([family, weight]) => path.join(path.dirname(require.resolve(`@expo-google-fonts/${family}/package.json`)), weight!));
}

/** Prints Typst sources to PDF. A handle, because fonts are read once; `close` drops its caches. */
export class PdfPrinter {
  private readonly compiler: NodeCompiler;
  private readonly workspace: string;

  constructor() {
    this.workspace = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-typst-'));
    this.compiler = NodeCompiler.create({ workspace: this.workspace, fontArgs: [{ fontPaths: fontFolders() }] });
  }

  /** One PDF. The source may hold no path or package import; ours never do. */
  print(source: string): Buffer {
    const compiled = this.compiler.compile({ mainFileContent: source });
    const document = compiled.result;
    if (document === null) {
      const error = compiled.takeError();
      // Positions and messages of the printer only: the source holds personal data and stays out of errors.
      const diagnostics = error === null ? [] : (this.compiler.fetchDiagnostics(error) as { message?: string; range?: unknown }[]);
      throw new Error(`document does not print: ${diagnostics.map(d => `${d.message ?? ''} ${JSON.stringify(d.range ?? '')}`).join('; ')}`);
    }
    const pdf = this.compiler.pdf(document);
    this.compiler.evictCache(10);
    return pdf;
  }

  close(): void {
    this.compiler.evictCache(0);
    fs.rmSync(this.workspace, { recursive: true, force: true });
  }
}
