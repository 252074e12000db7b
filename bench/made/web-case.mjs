// An opened case over one web log, for benches that read it with our own stages.
import fs from 'node:fs';
import path from 'node:path';

/** `load(name)`: a built module. The folder `out` beside the log is made anew. */
export async function openWebCase(load, { log, format, threads, memory }) {
  const [{ CaseStore }, { Engine }, { quietEffects }] = await Promise.all(['case', 'engine', 'base'].map(load));
  const dir = path.dirname(log);
  const outDir = path.join(dir, 'out');
  fs.rmSync(outDir, { recursive: true, force: true });
  fs.mkdirSync(path.join(outDir, 'work'), { recursive: true });
  const engine = await Engine.open({ file: path.join(outDir, 'work', 'events.duckdb'), threads, memory, tempDirectory: path.join(outDir, 'work') });
  const spec = {
    id: 'web',
    system: null,
    kind: 'web-access',
    files: [path.basename(log)],
    format,
    fields: null,
    encoding: 'auto',
    timezone: 'Asia/Tokyo',
    clockOffsetUs: null,
  };
  const casePath = path.join(dir, 'case.yaml');
  fs.writeFileSync(casePath, 'schema: tadasu.case/1\nid: bench\n');
  const kase = {
    file: { id: 'bench', evidence: [spec], datasets: [], systems: [] },
    casePath,
    caseDir: dir,
    outDir,
    engine,
    store: new CaseStore(path.join(outDir, 'case.sqlite')),
  };
  return { kase, engine, outDir, effects: { ...quietEffects, threads } };
}
