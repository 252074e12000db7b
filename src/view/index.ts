export * from './document.ts';
export * from './html.ts';
export * from './pdf.ts';
export * from './typst.ts';
