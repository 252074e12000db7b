export { loadDatasets } from './load-datasets.ts';
