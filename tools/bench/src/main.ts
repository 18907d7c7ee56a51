import { judgeBars } from './bars.js';
import type { CaseResult } from './case-result.js';
import { casesFor } from './cases.js';
import { SubjectPair } from './children/subject-pair.js';
import { formatFloors, measureFloors, type Floors } from './native-floors.js';
import { USAGE, parseOptions, type BenchOptions } from './options.js';
import { describeRun, formatRun, type RunDescription } from './report/describe-run.js';
import { formatBars } from './report/format-bars.js';
import { formatCase } from './report/format-case.js';
import { plotData } from './report/plot-data.js';
import { drawRatios } from './report/ratio-plot.js';
import { resultsDocument } from './report/results-document.js';
import { writeResult } from './report/write-results.js';
import { runCase, warmUp } from './run-cases.js';
import { openRunScope, type RunScope } from './run-scope.js';

/** Starts all subjects, measures the cases one after another, and ends the subjects. */
async function measure(options: BenchOptions, scope: RunScope): Promise<readonly CaseResult[]> {
  const pairs: SubjectPair[] = [];
  for (const name of options.subjects) pairs.push(await SubjectPair.start(name, scope.own));
  await warmUp(pairs, options.schedule);
  const results: CaseResult[] = [];
  for (const benchCase of casesFor(options.works)) {
    process.stderr.write(`measuring ${benchCase.id} …\n`);
    const result = await runCase(benchCase, pairs, options.schedule);
    console.log(`\n${formatCase(result)}`);
    results.push(result);
  }
  await Promise.all(pairs.map((pair) => pair.close()));
  return results;
}

function report(
  options: BenchOptions,
  run: RunDescription,
  { results, floors }: { results: readonly CaseResult[]; floors: Floors | undefined },
): void {
  const bars = judgeBars(results);
  console.log(`\n${formatBars(bars)}\n`);
  const { startedAt } = run;
  const json = `${JSON.stringify(resultsDocument(run, { results, bars, floors }), undefined, 2)}\n`;
  const written = [
    ...writeResult({ extension: 'json', content: json, path: options.jsonFile, startedAt }),
  ];
  const data = plotData(results);
  if (data !== undefined) {
    const content = drawRatios(data, run);
    written.push(...writeResult({ extension: 'svg', content, path: options.svgFile, startedAt }));
  }
  console.log(`Wrote ${written.join(', ')}`);
}

async function main(): Promise<void> {
  let options: BenchOptions | undefined;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  if (options === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  const scope = openRunScope();
  const run = describeRun(options);
  console.log(formatRun(run));
  try {
    const results = await measure(options, scope);
    const floors = options.floors ? measureFloors() : undefined;
    if (floors !== undefined) console.log(`\n${formatFloors(floors)}`);
    report(options, run, { results, floors });
    // A bar that is missed is a finding; a subject that does not work is a failure.
    if (results.some(({ failures }) => failures.size > 0)) process.exitCode = 1;
  } finally {
    scope.close();
  }
}

await main();
