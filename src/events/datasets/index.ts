export { type DatasetsSummary, loadDatasets } from './load-datasets.ts';
