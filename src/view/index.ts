export * from './document.ts';
export * from './html.ts';
export * from './pdf.ts';
export * from './timeline-chart.ts';
export * from './typst.ts';
export * from './waterfall-chart.ts';
